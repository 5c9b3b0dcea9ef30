/** Certificates that this system trusts: a terminal's Node knows only its own list. VS Code looks after that itself. */
import * as tls from 'node:tls';

/** Has all connections of this process trust what the system does, too, where this Node can tell what that is. */
export function trustSystem(): void {
  // From Node 22.19 and 24.5 on.
  if (!('setDefaultCACertificates' in tls)) return;
  tls.setDefaultCACertificates([...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]);
}
