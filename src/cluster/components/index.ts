export {
  type ApiServerCredentials,
  type ApiServerProcessOptions,
  startApiServerProcess,
} from './api-server.ts'
export { type ComponentContext, componentContext } from './component.ts'
export {
  type ControllerManagerProcessOptions,
  type ElectionOptions,
  startControllerManagerProcess,
} from './controller-manager.ts'
export { type DnsProcessOptions, startDnsProcess } from './dns.ts'
export { type KubeletProcessOptions, SIMULATED_ENDPOINT, startKubeletProcess } from './kubelet.ts'
export { type ProxyProcessOptions, startProxyProcess } from './proxy.ts'
export { type SchedulerProcessOptions, startSchedulerProcess } from './scheduler.ts'
