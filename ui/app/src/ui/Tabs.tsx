import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';

interface TabsProps<T extends string> {
  label: string;
  tabs: readonly { id: T; name: string; content: ReactNode }[];
}

export function Tabs<T extends string>({ label, tabs }: TabsProps<T>) {
  return (
    <Base.Root defaultValue={tabs[0]?.id} className="tabs">
      <Base.List className="tab-list" aria-label={label}>
        {tabs.map(({ id, name }) => (
          <Base.Tab key={id} value={id} className="tab">
            {name}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map(({ id, content }) => (
        <Base.Panel key={id} value={id} className="tab-panel">
          {content}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
