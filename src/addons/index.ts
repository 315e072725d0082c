export { type Dns, type DnsOptions, runDns } from './dns/dns.ts'
export { type DnsRegistration, registerDns } from './dns/registration.ts'
