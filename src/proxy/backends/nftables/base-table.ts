import type { FamilyWords } from './family.ts'

/** The bit that says: hide the client's address behind the node's. The kubelet and CNI plugins know it by this value. */
export const MASQUERADE_MARK = '0x4000'
const MARK_IT = `meta mark set meta mark | ${MASQUERADE_MARK}`

/** The parts of a table that do not depend on any Service. Loading it empties the table first, in the same transaction. */
export function baseTable(words: FamilyWords, table: string, clusterCIDR: string | undefined): string {
  const { ip, addressType, reject, multicast } = words
  const frontend = `${ip} daddr . meta l4proto . th dport`
  const frontendType = `${addressType} . inet_proto . inet_service`
  return `table ${ip} ${table}
delete table ${ip} ${table}
table ${ip} ${table} {
  set cluster-ips { type ${addressType}; }
  set hairpin { type ${addressType} . ${addressType}; }
  set guarded { type ${frontendType}; }
  set sources { type ${frontendType} . ${addressType}; flags interval; }
  map svc { type ${frontendType} : verdict; }
  map inside { type ${frontendType} : verdict; }
  map no-ep { type ${frontendType} : verdict; }
  chain do-reject { ${reject}; }
  chain services {
    ${clusterCIDR === undefined ? '' : `${ip} daddr @cluster-ips ${ip} saddr != ${clusterCIDR} ${MARK_IT};`}
    ${frontend} vmap @svc;
  }
  chain pre {
    type nat hook prerouting priority -100;
    ${clusterCIDR === undefined ? '' : `${ip} saddr ${clusterCIDR} ${frontend} vmap @inside;`}
    jump services;
  }
  chain out {
    type nat hook output priority -100;
    ${frontend} vmap @inside;
    jump services;
  }
  chain post {
    type nat hook postrouting priority 100;
    meta mark & ${MASQUERADE_MARK} != 0 meta mark set meta mark ^ ${MASQUERADE_MARK} masquerade fully-random;
    ${ip} saddr . ${ip} daddr @hairpin masquerade fully-random;
    ${clusterCIDR === undefined ? '' : `${ip} saddr ${clusterCIDR} ${ip} daddr != ${clusterCIDR} ${ip} daddr != ${multicast} masquerade fully-random;`}
  }
  chain guard {
    type filter hook prerouting priority -110;
    ${frontend} @guarded ${frontend} . ${ip} saddr != @sources drop;
  }
  chain unserved {
    ${frontend} vmap @no-ep;
    ${ip} daddr @cluster-ips goto do-reject;
  }
  chain f-input { type filter hook input priority -10; ct state new jump unserved; }
  chain f-forward { type filter hook forward priority -10; ct state new jump unserved; }
  chain f-output { type filter hook output priority -10; ct state new jump unserved; }
}
`
}

/** Chooses at random among `count` endpoints: one map for all frontends with that many. */
export function balancer(words: FamilyWords, count: number): readonly TableObject[] {
  const { ip } = words
  const slot = `${ip} daddr . meta l4proto . th dport . numgen random mod ${count}`
  return [
    { kind: 'map', name: `ep${count}`, body: `typeof ${slot} : ${ip} daddr . th dport;` },
    { kind: 'chain', name: `lb${count}`, body: `dnat ${ip} to ${slot} map @ep${count};` },
    { kind: 'chain', name: `mlb${count}`, body: `${MARK_IT}; goto lb${count};` },
  ]
}

/** As `balancer`, for traffic from pods and the node itself where that is treated apart from traffic from outside. */
export function insideBalancer(words: FamilyWords, count: number, clusterCIDR: string | undefined): readonly TableObject[] {
  const { ip } = words
  const slot = `${ip} daddr . meta l4proto . th dport . numgen random mod ${count}`
  return [
    { kind: 'map', name: `iep${count}`, body: `typeof ${slot} : ${ip} daddr . th dport;` },
    { kind: 'chain', name: `ilb${count}`, body: `${markInside(words, clusterCIDR)}; dnat ${ip} to ${slot} map @iep${count};` },
  ]
}

/** Pods are answered as themselves, the node itself from behind its own address. */
export function markInside({ ip }: FamilyWords, clusterCIDR: string | undefined): string {
  return clusterCIDR === undefined ? MARK_IT : `${ip} saddr != ${clusterCIDR} ${MARK_IT}`
}

export function markAll(): string {
  return MARK_IT
}

/** A named part of a table; its definition never changes while it exists. */
export interface TableObject {
  readonly kind: 'map' | 'set' | 'chain'
  readonly name: string
  readonly body: string
}
