export { type Dns, type DnsOptions, startDns } from './dns/dns.ts'
export { type DnsRegistration, registerDns } from './dns/registration.ts'
