import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { type ContainerStateTerminated, configMaps, type Pod, pods, secrets, services } from '#api'
import { busybox, hasEnded, isReady, NODE_IP, type RealNode, STAY, shell } from '../real-node.ts'

const once = { restartPolicy: 'Never' }

/** What a container is made of: environment, security context, resources, names and addresses. */
export function containerTests(given: () => RealNode): void {
  it('the environment comes from literals, fields, resources, ConfigMaps, Secrets and Services, and refers to itself', async () => {
    const node = given()
    const metadata = { name: 'env', namespace: 'default' }
    await node.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { one: '1', two: '2' } })
    const data = { key: Buffer.from('hidden').toString('base64') }
    await node.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data })
    await node.client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'my-db', namespace: 'default' },
      spec: { clusterIP: '10.96.7.7', ports: [{ name: 'sql', port: 5432 }] },
    } as never)
    const env = [
      { name: 'LITERAL', value: 'x' },
      { name: 'EXPANDED', value: '$(LITERAL)-$(FROM_one)-$(NOT_THERE)-$$(LITERAL)' },
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'env', key: 'two' } } },
      { name: 'ABSENT', valueFrom: { configMapKeyRef: { name: 'env', key: 'no', optional: true } } },
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'env', key: 'key' } } },
    ]
    const pod = shell(
      'env',
      'env | sort; echo "args $0 $1"',
      {
        env,
        envFrom: [{ configMapRef: { name: 'env' }, prefix: 'FROM_' }, { secretRef: { name: 'no', optional: true } }],
        args: ['$(LITERAL)', '$(POD)'],
        resources: { limits: { cpu: '250m' } },
      },
      once,
    )
    pod.metadata!.labels = { app: 'shop' }
    const ended = await node.run(pod, hasEnded)
    const lines = (await node.logs('env')).trim().split('\n')
    for (const expected of [
      'EXPANDED=x-1-$(NOT_THERE)-$(LITERAL)',
      'POD=env',
      'LABEL=shop',
      `IP=${ended.status!.podIP}`,
      `HOST=${NODE_IP}`,
      'CPU=250',
      'KEY=2',
      'SECRET=hidden',
      'FROM_two=2',
      'MY_DB_SERVICE_HOST=10.96.7.7',
      'MY_DB_SERVICE_PORT_SQL=5432',
      'MY_DB_PORT=tcp://10.96.7.7:5432',
      'KUBERNETES_SERVICE_HOST=10.96.0.1',
      'HOSTNAME=env',
      'args x env',
    ])
      assert.ok(lines.includes(expected), `${expected} is not in ${lines.join(' ')}`)
    assert.ok(!lines.some((line) => line.startsWith('ABSENT')))
  })

  it('what is missing in the environment keeps the container waiting with a reason', async () => {
    const node = given()
    const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env-late', key: 'key' } } }]
    const waiting = await node.run(
      shell('env-late', 'echo $A', { env }, once),
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    )
    assert.equal(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message, 'secret "env-late" not found')
    assert.equal(waiting.status?.phase, 'Pending')
    await node.untilEvent('env-late', 'Failed', /^Error: secret "env-late" not found$/)
    await node.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'env-late', namespace: 'default' },
      data: { key: Buffer.from('there').toString('base64') },
    })
    await node.untilPod('env-late', hasEnded)
    assert.equal(await node.logs('env-late'), 'there\n')
  })

  it('users, groups, capabilities, privileges and the root file system are as the security context says', async () => {
    const node = given()
    const report = 'exec 2>&1; id -u; id -g; id -G; grep -E "CapEff|NoNewPrivs" /proc/self/status; touch /tmp/x || true'
    await node.client.create(
      pods,
      shell(
        'security',
        '',
        {},
        {
          ...once,
          securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567] },
          containers: [
            busybox('main', report, {
              securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            }),
            busybox('root', report, {
              securityContext: {
                runAsUser: 0,
                runAsGroup: 0,
                capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] },
              },
            }),
            busybox('all', `${report}; ls /dev | grep -c .; mount -t tmpfs none /tmp && echo mounted`, {
              securityContext: { privileged: true, runAsUser: 0 },
            }),
          ],
        },
      ),
    )
    await node.untilPod('security', hasEnded)
    const lines = async (container: string): Promise<string[]> =>
      (await node.logs('security', '-c', container)).trim().split('\n')
    const main = await lines('main')
    assert.deepEqual(main.slice(0, 3), ['1234', '2345', '2345 3456 4567'])
    assert.ok(main.includes('CapEff:\t0000000000000000') && main.includes('NoNewPrivs:\t1'), main.join())
    assert.ok(
      main.some((line) => /touch: .*Read-only file system/.test(line)),
      main.join(),
    )
    const root = await lines('root')
    assert.deepEqual(root.slice(0, 2), ['0', '0'])
    // CHOWN is bit 0, NET_BIND_SERVICE bit 10.
    assert.ok(root.includes('CapEff:\t0000000000000401') && root.includes('NoNewPrivs:\t0'), root.join())
    const all = await lines('all')
    assert.ok(all.includes('mounted'), all.join())
    assert.notEqual(
      all.find((line) => line.startsWith('CapEff')),
      root.find((line) => line.startsWith('CapEff')),
    )
  })

  it('runAsNonRoot refuses an image that runs as root, and a sysctl that is not safe refuses the pod', async () => {
    const node = given()
    const waiting = await node.run(
      shell('non-root', STAY, { securityContext: { runAsNonRoot: true } }),
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    )
    assert.match(
      waiting.status!.containerStatuses![0]!.state!.waiting!.message!,
      /^container has runAsNonRoot and image will run as root \(pod: "non-root_default\(/,
    )
    await node.delete('non-root', 0)
    const sysctls = [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '42' }]
    await node.run(
      shell('sysctl', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start', {}, { ...once, securityContext: { sysctls } }),
      hasEnded,
    )
    assert.equal(await node.logs('sysctl'), '42\n')
    const unsafe = { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '65536' }] } }
    const { status } = await node.run(shell('sysctl-unsafe', STAY, {}, unsafe), hasEnded)
    assert.equal(status?.reason, 'SysctlForbidden')
    assert.equal(status?.message, 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted')
  })

  it('requests and limits become control groups of the container and of the pod', async () => {
    const node = given()
    const resources = { requests: { cpu: '100m', memory: '16Mi' }, limits: { cpu: '500m', memory: '32Mi' } }
    const { metadata, status } = await node.run(shell('resources', STAY, { resources }))
    assert.equal(status?.qosClass, 'Burstable')
    const pod = `${node.place.cgroup}/burstable/pod${metadata!.uid}`
    const container = status!.containerStatuses![0]!.containerID!.replace('containerd://', '')
    for (const group of [pod, `${pod}/${container}`]) {
      const read = (file: string): string => readFileSync(`/sys/fs/cgroup/${file.split('.')[0]}${group}/${file}`, 'utf8').trim()
      assert.equal(read('cpu.shares'), '102')
      assert.equal(read('cpu.cfs_quota_us'), '50000')
      assert.equal(read('memory.limit_in_bytes'), String(32 * 1024 * 1024))
    }
    await node.delete('resources')
    assert.throws(() => readFileSync(`/sys/fs/cgroup/memory${pod}/memory.limit_in_bytes`), { code: 'ENOENT' })
  })

  it('a container that takes more memory than its limit is OOMKilled', async () => {
    const node = given()
    const resources = { limits: { memory: '16Mi' } }
    // containerd begins to watch a container's memory once it has started it (containerd/containerd#8180):
    // what is killed before that ends as Error there, so this one waits until it is seen running.
    const script = 'mkfifo /gate; read go < /gate; exec tail /dev/zero'
    await node.run(shell('oom', script, { resources }, once))
    await node.exec('oom', 'until [ -p /gate ]; do :; done; echo go > /gate')
    const ended = (pod: Pod): ContainerStateTerminated | undefined => pod.status?.containerStatuses?.[0]?.state?.terminated
    // The runtime may tell of the exit before it tells of its cause.
    const { status } = await node.untilPod('oom', (pod) => hasEnded(pod) && ended(pod)?.reason === 'OOMKilled')
    assert.equal(ended({ status })?.exitCode, 137)
    assert.equal(status?.phase, 'Failed')
  })

  it('hosts and resolv.conf are managed: aliases, host name, DNS policies and options', async () => {
    const node = given()
    const show = 'hostname; cat /etc/hosts; echo --; cat /etc/resolv.conf'
    const dns = (name: string, spec: object): Promise<Pod> => node.run(shell(name, show, {}, { ...once, ...spec }), hasEnded)
    const [first] = await Promise.all([
      dns('dns-first', {
        hostname: 'db-0',
        subdomain: 'db',
        hostAliases: [{ ip: '192.0.2.1', hostnames: ['one.test', 'uno.test'] }],
        dnsConfig: { searches: ['more.test'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] },
      }),
      dns('dns-default', { dnsPolicy: 'Default' }),
      dns('dns-none', { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.99'] } }),
      dns('dns-host', { hostNetwork: true }),
    ])
    const text = await node.logs('dns-first')
    assert.match(text, /^db-0\n# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/)
    assert.ok(text.includes(`${first.status!.podIP}\tdb-0.db.default.svc.cluster.local\tdb-0\n`), text)
    assert.ok(text.includes('\n# Entries added by HostAliases.\n192.0.2.1\tone.test\tuno.test\n'), text)
    const tail = async (name: string): Promise<string> => (await node.logs(name)).split('--\n')[1]!
    assert.equal(
      await tail('dns-first'),
      'search default.svc.cluster.local svc.cluster.local cluster.local example.test more.test\nnameserver 10.96.0.10\noptions ndots:2 edns0\n',
    )
    const host = 'search example.test\nnameserver 192.0.2.53\noptions timeout:3\n'
    assert.equal(await tail('dns-default'), host)
    assert.equal(await tail('dns-none'), 'nameserver 192.0.2.99\n')
    // Cluster names are of no use to a pod in the node's network unless it asks for them.
    assert.equal(await tail('dns-host'), host)
  })

  it("pods share the node's network or their own processes when they say so", async () => {
    const node = given()
    const [host, shared] = await Promise.all([
      node.run(shell('host-network', `ip -o -4 addr; ${STAY}`, {}, { hostNetwork: true })),
      node.run(
        shell(
          'shared-pid',
          '',
          {},
          {
            shareProcessNamespace: true,
            containers: [busybox('main', `exec sleep 1234`), busybox('other', STAY)],
          },
        ),
      ),
    ])
    assert.equal(host.status?.podIP, NODE_IP)
    assert.match(await node.logs('host-network'), new RegExp(`inet ${NODE_IP.replaceAll('.', '\\.')}/`))
    assert.match(await node.exec('shared-pid', 'ps -o pid,args', 'other'), /sleep 1234/)
    assert.ok(isReady(shared))
    await Promise.all([node.delete('host-network'), node.delete('shared-pid', 0)])
  })

  it('an ephemeral container joins a running pod and sees the processes of its target', async () => {
    const node = given()
    const { status } = await node.run(shell('debugged', 'exec sleep 4321'))
    const ephemeralContainers = [{ ...busybox('debugger', 'ps -o args; exec sleep 60'), targetContainerName: 'main' }]
    await node.client.patch(
      pods,
      'default/debugged',
      { spec: { ephemeralContainers } },
      { type: 'strategic', subresource: 'ephemeralcontainers' },
    )
    const after = await node.untilPod(
      'debugged',
      (pod) => pod.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined,
    )
    assert.match(await node.exec('debugged', 'ps -o args', 'debugger'), /sleep 4321/)
    assert.equal(after.status?.containerStatuses?.[0]?.containerID, status?.containerStatuses?.[0]?.containerID)
    await node.delete('debugged', 0)
  })
}
