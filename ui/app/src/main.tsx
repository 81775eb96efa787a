import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import { createRoot } from 'react-dom/client';
import { StrictMode } from 'react';
import { App } from './App.tsx';
import { start } from './start.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root');

const startProblem = await start();
createRoot(root).render(
  <StrictMode>
    <App startProblem={startProblem} />
  </StrictMode>,
);
