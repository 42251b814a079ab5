import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import css from './Pill.module.css';

export type Tone = 'ok' | 'notice' | 'warning' | 'alarm' | 'quiet';

interface PillProps {
  tone: Tone;
  icon?: LucideIcon;
  strong?: boolean;
  children: ReactNode;
  title?: string;
}

/** A small badge: icon, words and colour say the same thing. */
export function Pill({ tone, icon: Icon, strong = false, children, title }: PillProps) {
  return (
    <span className={css.pill} data-tone={tone} data-strong={strong || undefined} title={title}>
      {Icon !== undefined && <Icon size={14} strokeWidth={2.4} aria-hidden="true" />}
      <span>{children}</span>
    </span>
  );
}
