import { Info, type LucideIcon, Siren, TriangleAlert } from 'lucide-react';
import type { Severity } from '../api/types';

export const SEVERITY_ICON: Record<Severity, LucideIcon> = {
  alarm: Siren,
  warning: TriangleAlert,
  notice: Info,
};
