import { type Lease, leases } from '#api'
import { type Clock, deepClone, type Log } from '#base'
import type { Client } from '#client'
import { formatMicroTime } from '#meta'

const DURATION_SECONDS = 40
const RENEW_PERIOD_MS = 10_000
const NAMESPACE = 'kube-node-lease'

/** The node's heartbeat (https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats): renewed every ten seconds until aborted. */
export async function renewLease(
  nodeName: string,
  { client, clock, log }: { client: Client; clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await renewOnce(nodeName, client, clock)
    } catch (error) {
      if (signal.aborted) return
      log.warn('The node lease was not renewed', { error })
    }
    try {
      await clock.sleep(RENEW_PERIOD_MS, { signal })
    } catch {
      return
    }
  }
}

async function renewOnce(nodeName: string, client: Client, clock: Clock): Promise<void> {
  const renewTime = formatMicroTime(clock.now())
  const current = await client.find(leases, `${NAMESPACE}/${nodeName}`)
  const spec: NonNullable<Lease['spec']> = { holderIdentity: nodeName, leaseDurationSeconds: DURATION_SECONDS, renewTime }
  if (current === undefined) {
    await client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: nodeName, namespace: NAMESPACE },
      spec,
    })
    return
  }
  const lease = deepClone(current)
  lease.spec = { ...lease.spec, ...spec }
  await client.update(leases, lease)
}
