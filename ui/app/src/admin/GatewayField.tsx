import { here } from '../place.ts';
import { useStored } from '../stored.ts';
import { TextField } from '../ui/Field.tsx';
import { gateway } from './gateway.ts';

/** A node can't know where its gateway is reached. */
export function GatewayField() {
  const address = useStored(gateway);
  if (here.way === 'gateway') return null;
  return (
    <TextField
      label="Address of your gateway"
      placeholder="https://kraken.example.com"
      help="Programs connect through kraken sidecar. This browser remembers where it is reached."
      value={address}
      onChange={(event) => {
        gateway.set(event.target.value);
      }}
    />
  );
}
