import type { CommandDefinition } from '../command.ts'
import { agent } from './agent.ts'
import { apiserver } from './apiserver.ts'
import { certs } from './certs.ts'
import { controllerManager } from './controller-manager.ts'
import { dns } from './dns.ts'
import { down } from './down.ts'
import { image } from './image.ts'
import { kubeconfig } from './kubeconfig.ts'
import { kubelet } from './kubelet.ts'
import { logs } from './logs.ts'
import { member } from './member.ts'
import { proxy } from './proxy.ts'
import { reset } from './reset.ts'
import { scheduler } from './scheduler.ts'
import { server } from './server.ts'
import { snapshot } from './snapshot.ts'
import { status } from './status.ts'
import { token } from './token.ts'
import { up } from './up.ts'

/** In the order of `t8s --help`. */
export const commands: readonly CommandDefinition[] = [
  up,
  down,
  status,
  reset,
  logs,
  kubeconfig,
  image,
  token,
  certs,
  snapshot,
  member,
  server,
  agent,
  apiserver,
  controllerManager,
  scheduler,
  kubelet,
  proxy,
  dns,
]
