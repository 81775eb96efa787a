import {
  HighlightStyle,
  Language,
  defineLanguageFacet,
  languageDataProp,
  syntaxHighlighting,
} from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { tags } from '@lezer/highlight';
import { GFM, parser } from '@lezer/markdown';

// `@codemirror/lang-markdown` would bring parsers for HTML, CSS and JavaScript along.
const data = defineLanguageFacet({ commentTokens: { block: { open: '<!--', close: '-->' } } });
const language = new Language(
  data,
  parser.configure([
    GFM,
    { props: [languageDataProp.add((type) => (type.isTop ? data : undefined))] },
  ]),
  [],
  'markdown',
);

const look = HighlightStyle.define([
  { tag: tags.heading1, fontSize: '1.75em', fontWeight: '700', letterSpacing: '-0.02em' },
  { tag: tags.heading2, fontSize: '1.4em', fontWeight: '680', letterSpacing: '-0.015em' },
  { tag: tags.heading3, fontSize: '1.15em', fontWeight: '650' },
  { tag: [tags.heading4, tags.heading5, tags.heading6], fontWeight: '650' },
  { tag: tags.strong, fontWeight: '700' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strikethrough, textDecoration: 'line-through' },
  { tag: tags.quote, color: 'var(--ink-soft)', fontStyle: 'italic' },
  { tag: tags.monospace, fontFamily: 'var(--mono)', fontSize: '0.9em' },
  { tag: [tags.link, tags.url], color: 'var(--accent-text)' },
  {
    tag: [tags.processingInstruction, tags.contentSeparator],
    color: 'var(--ink-soft)',
    fontWeight: '400',
  },
]);

export const markdown: Extension = [language, syntaxHighlighting(look)];
