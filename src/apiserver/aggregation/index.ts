export { Aggregator } from './aggregator.ts'
export { publishAuthentication, type RequestAuthorities } from './authentication-config.ts'
export type { ProxyClient } from './remote.ts'
