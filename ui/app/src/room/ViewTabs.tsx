import { Columns2, FileText, PenTool, Phone } from 'lucide-react';
import type { LucideIcon } from 'lucide-react';

export type Views = 'document' | 'both' | 'board';

const TABS: readonly { view: Views; label: string; icon: LucideIcon }[] = [
  { view: 'document', label: 'Document', icon: FileText },
  { view: 'both', label: 'Side by side', icon: Columns2 },
  { view: 'board', label: 'Board', icon: PenTool },
];

interface ViewTabsProps {
  views: Views;
  onViews: (views: Views) => void;
  /** Phones have no room for the button in the header. */
  onPanel: () => void;
}

/** What of the room is seen. The same buttons are at the top, or at a thumb's reach on phones. */
export function ViewTabs({ views, onViews, onPanel }: ViewTabsProps) {
  return (
    <nav className="view-tabs" aria-label="Views of the room">
      {TABS.map(({ view, label, icon: Icon }) => (
        <button
          key={view}
          type="button"
          className={`view-tab view-tab-${view}`}
          aria-pressed={view === views}
          onClick={() => {
            onViews(view);
          }}
        >
          <Icon size={17} aria-hidden />
          {label}
        </button>
      ))}
      <button type="button" className="view-tab view-tab-panel" onClick={onPanel}>
        <Phone size={17} aria-hidden />
        Call
      </button>
    </nav>
  );
}
