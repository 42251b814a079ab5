import { EyeOff } from 'lucide-react';
import css from './Footer.module.css';

/** What this page cannot show, said where everybody sees it. */
export function Footer() {
  return (
    <footer className={css.footer}>
      <p className={css.line}>
        <EyeOff size={16} aria-hidden="true" />
        <strong>No video exists here:</strong> people are drawn from poses of one canonical body.
      </p>
      <details className={css.limits}>
        <summary>What this page cannot show, and its limits</summary>
        <ul>
          <li>
            Faces, clothes, build and objects in hands do not leave the camera’s own computer. Two
            people in the same pose look the same here.
          </li>
          <li>
            Names such as P-7K3Q belong to one visit at one camera. The same person gets a new one
            next time.
          </li>
          <li>
            Poses still carry movement. Treat them as personal data: a way of moving may be
            recognised by those who know it.
          </li>
          <li>
            The room is learnt slowly and only where nobody was. Someone who already lay still and
            unnoticed when the camera started may become part of it.
          </li>
          <li>
            Behaviour comes from poses alone and can be wrong in both directions; what was not
            validated on real people is marked. Someone hidden, far away or in a crowd may not be
            found, so an empty scene is no proof of an empty room.
          </li>
          <li>The picture runs up to about a second behind, so that movement is smooth.</li>
        </ul>
        <p>
          The same data for programs: <a href="/api/v1/openapi.json">OpenAPI description</a>.
          Licences of what this page is made of: <a href="/licenses.txt">list</a>.
        </p>
      </details>
    </footer>
  );
}
