import { useSnapshot, useTick } from '../live/context';
import { BEHAVIOR, capitalise, SEVERITY } from '../words';
import { byUrgency, isOpen } from './book';
import css from './OpenStrip.module.css';
import { SEVERITY_ICON } from './severity';

/** On a narrow page the incidents lie below the picture; this line above it leads there. */
export function OpenStrip() {
  const { incidents, cameras } = useSnapshot();
  useTick(1000);
  const open = [...incidents.values()].filter(isOpen).sort(byUrgency);
  const worst = open[0];
  if (worst === undefined) return null;
  const Icon = SEVERITY_ICON[worst.severity];
  return (
    <a className={css.strip} data-severity={worst.severity} href="#incidents">
      <Icon size={18} aria-hidden="true" />
      <span>
        <strong>
          {SEVERITY[worst.severity]}: {capitalise(BEHAVIOR[worst.behavior])}
        </strong>
        , {cameras.get(worst.camera)?.name ?? worst.camera}
        {open.length > 1 && ` and ${open.length - 1} more`}
      </span>
    </a>
  );
}
