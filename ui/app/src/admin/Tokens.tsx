import type { OwnerApi } from '../api/client.ts';
import { AppTokenCard } from './AppTokenCard.tsx';
import { Page } from './Page.tsx';
import { RevocationsCard } from './RevocationsCard.tsx';
import { StoreTokenCard } from './StoreTokenCard.tsx';

export function Tokens({ owner }: { owner: OwnerApi }) {
  return (
    <Page title="Tokens" lead="Let a user, a program or a store’s client in, and take that back.">
      <AppTokenCard owner={owner} />
      <StoreTokenCard owner={owner} />
      <RevocationsCard owner={owner} />
    </Page>
  );
}
