import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { configMaps, pods, secrets } from '#api'
import { busybox, hasEnded, type RealNode, STAY, shell } from '../real-node.ts'

const mounted = (name: string, mountPath = `/${name}`, more: object = {}) => ({ name, mountPath, ...more })

/** Volumes as containers see them. */
export function volumeTests(given: () => RealNode): void {
  it('emptyDir is shared by the containers of a pod, on disk and in memory, with the size it was given', async () => {
    const node = given()
    const volumeMounts = [mounted('disk'), mounted('memory')]
    await node.run(
      shell(
        'empty-dir',
        `echo one >/disk/a; echo two >/memory/a; ${STAY}`,
        { volumeMounts },
        {
          containers: [
            busybox('main', `echo one >/disk/a; echo two >/memory/a; ${STAY}`, { volumeMounts }),
            busybox('other', STAY, { volumeMounts }),
          ],
          volumes: [
            { name: 'disk', emptyDir: {} },
            { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '3Mi' } },
          ],
        },
      ),
    )
    const script = 'cat /disk/a /memory/a; stat -c %a /disk /memory; grep " /memory " /proc/mounts'
    const lines = (await node.exec('empty-dir', script, 'other')).trim().split('\n')
    assert.deepEqual(lines.slice(0, 4), ['one', 'two', '777', '1777'])
    assert.match(lines[4]!, /^tmpfs \/memory tmpfs rw.*size=3072k/)
  })

  it('a variable comes from a file that an init container wrote to an emptyDir its own container does not mount', async () => {
    const node = given()
    const fileKeyRef = { volumeName: 'disk', path: 'app.env', key: 'GREETING' }
    const written = `printf '%s\\n' '# for main' "GREETING='hello \\$HOME'" >/disk/app.env`
    await node.run(
      shell(
        'env-file',
        STAY,
        { env: [{ name: 'GREETING', valueFrom: { fileKeyRef } }] },
        {
          initContainers: [busybox('setup', written, { volumeMounts: [mounted('disk')] })],
          volumes: [{ name: 'disk', emptyDir: {} }],
        },
      ),
    )
    assert.equal(await node.exec('env-file', 'echo "$GREETING"'), 'hello $HOME\n')
  })

  it('hostPath checks its type, makes what the type says, and tells what is wrong', async () => {
    const node = given()
    const host = join(node.place.directory, 'host')
    mkdirSync(host)
    writeFileSync(join(host, 'file'), 'from the host\n')
    const volumes = [
      { name: 'made', hostPath: { path: join(host, 'made'), type: 'DirectoryOrCreate' } },
      { name: 'file', hostPath: { path: join(host, 'file'), type: 'File' } },
      { name: 'touched', hostPath: { path: join(host, 'touched'), type: 'FileOrCreate' } },
      { name: 'socket', hostPath: { path: join(node.place.directory, 'containerd.sock'), type: 'Socket' } },
      { name: 'null', hostPath: { path: '/dev/null', type: 'CharDevice' } },
      { name: 'any', hostPath: { path: host } },
    ]
    const volumeMounts = volumes.map(({ name }) => mounted(name, `/mnt/${name}`, { readOnly: name === 'any' }))
    await node.run(shell('host-path', `cat /mnt/file; echo x >/mnt/made/x; ${STAY}`, { volumeMounts }, { volumes }))
    assert.equal(await node.logs('host-path'), 'from the host\n')
    assert.equal(readFileSync(join(host, 'made/x'), 'utf8'), 'x\n')
    assert.ok(statSync(join(host, 'touched')).isFile())
    await assert.rejects(node.exec('host-path', 'touch /mnt/any/no'), /Read-only file system/)
    await node.client.create(
      pods,
      shell(
        'host-path-wrong',
        STAY,
        { volumeMounts: [mounted('v')] },
        {
          volumes: [{ name: 'v', hostPath: { path: join(host, 'file'), type: 'Directory' } }],
        },
      ),
    )
    await node.untilEvent(
      'host-path-wrong',
      'FailedMount',
      /^MountVolume\.SetUp failed for volume "v" : hostPath type check failed: \S+\/file is not a directory$/,
    )
    const waiting = await node.untilPod(
      'host-path-wrong',
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting !== undefined,
    )
    assert.equal(waiting.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating')
    await node.delete('host-path-wrong', 0)
  })

  it('configMap, secret, projected and downwardAPI files have their items and modes, and the group of the pod', async () => {
    const node = given()
    await node.client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'files', namespace: 'default' },
      data: { plain: 'text', other: 'unused' },
      binaryData: { bytes: Buffer.from([0, 255, 10]).toString('base64') },
    })
    await node.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'files', namespace: 'default' },
      data: { password: Buffer.from('sesame').toString('base64') },
    })
    const pod = shell(
      'files',
      STAY,
      {
        resources: { requests: { memory: '32Mi' }, limits: { cpu: '500m' } },
        volumeMounts: ['config', 'secret', 'down', 'all'].map((name) => mounted(name)),
      },
      {
        securityContext: { fsGroup: 4321 },
        volumes: [
          {
            name: 'config',
            configMap: {
              name: 'files',
              defaultMode: 0o440,
              items: [
                { key: 'plain', path: 'deep/er/plain' },
                { key: 'bytes', path: 'bytes', mode: 0o400 },
              ],
            },
          },
          { name: 'secret', secret: { secretName: 'files' } },
          {
            name: 'down',
            downwardAPI: {
              items: [
                { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
                { path: 'quoted', fieldRef: { fieldPath: 'metadata.annotations' } },
                { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
                { path: 'memory', resourceFieldRef: { containerName: 'main', resource: 'requests.memory', divisor: '1Mi' } },
                { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } },
              ],
            },
          },
          {
            name: 'all',
            projected: {
              defaultMode: 0o600,
              sources: [
                { configMap: { name: 'files', items: [{ key: 'plain', path: 'plain' }] } },
                { secret: { name: 'files' } },
                { configMap: { name: 'missing', optional: true } },
                { serviceAccountToken: { path: 'token', expirationSeconds: 600, audience: 'test' } },
                { downwardAPI: { items: [{ path: 'uid', fieldRef: { fieldPath: 'metadata.uid' } }] } },
              ],
            },
          },
        ],
      },
    )
    pod.metadata!.labels = { b: '2', a: 'one' }
    pod.metadata!.annotations = { quoted: 'a "b"\nc' }
    const { metadata } = await node.run(pod)
    const show = (path: string): Promise<string> => node.exec('files', `stat -L -c "%a %g" ${path}; cat ${path}`)
    assert.equal(await show('/config/deep/er/plain'), '440 4321\ntext')
    assert.equal(
      await node.exec('files', 'stat -L -c "%a %g" /config/bytes; od -An -tu1 /config/bytes'),
      '440 4321\n   0 255  10\n',
    )
    assert.equal(await show('/secret/password'), '644 4321\nsesame')
    assert.equal(await show('/down/labels'), '644 4321\na="one"\nb="2"')
    assert.match(await show('/down/quoted'), /^644 4321\nquoted="a \\"b\\"\\nc"$/m)
    assert.equal(await node.exec('files', 'cd /down; for f in name memory cpu; do cat $f; echo; done'), 'files\n32\n500\n')
    assert.equal(await show('/all/uid'), `640 4321\n${metadata!.uid}`)
    assert.equal(
      await node.exec('files', 'ls /all | xargs; stat -L -c "%a %g" /all/token; ls /config'),
      'password plain token uid\n640 4321\nbytes\ndeep\n',
    )
    const claims = JSON.parse(Buffer.from((await node.exec('files', 'cat /all/token')).split('.')[1]!, 'base64url').toString())
    assert.deepEqual(claims.aud, ['test'])
    assert.equal(claims['kubernetes.io'].pod.uid, metadata!.uid)
    await assert.rejects(node.exec('files', 'touch /config/new'), /Read-only file system/)
  })

  it('a changed ConfigMap reaches running containers in one step, but not through subPath', async () => {
    const node = given()
    const create = (data: Record<string, string>) => ({
      apiVersion: 'v1' as const,
      kind: 'ConfigMap' as const,
      metadata: { name: 'live', namespace: 'default' },
      data,
    })
    await node.client.create(configMaps, create({ a: 'old', b: 'old' }))
    const volumeMounts = [mounted('live'), mounted('live', '/single', { subPath: 'a' })]
    await node.run(shell('live', STAY, { volumeMounts }, { volumes: [{ name: 'live', configMap: { name: 'live' } }] }))
    // The loop starts before the change; it ends with the first new value and says what the other file had by then.
    const seen = node.exec(
      'live',
      'i=0; while [ "$(cat /live/a)" = old ] && [ $i -lt 2000 ]; do i=$((i+1)); sleep 0.01; done; cat /live/b; cat /single; ls /live',
    )
    await node.client.update(configMaps, create({ a: 'new', b: 'new', c: 'added' }))
    assert.equal(await seen, 'newolda\nb\nc\n')
  })

  it('subPath and subPathExpr mount a part of a volume, and a link in it leads nowhere outside', async () => {
    const node = given()
    const volumes = [{ name: 'data', emptyDir: {} }]
    await node.run(
      shell(
        'sub-path',
        `echo here >/part/file; ${STAY}`,
        {
          env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          volumeMounts: [
            mounted('data', '/all'),
            mounted('data', '/part', { subPath: 'some/where' }),
            mounted('data', '/mine', { subPathExpr: 'pods/$(POD)' }),
          ],
        },
        { volumes },
      ),
    )
    assert.equal(await node.exec('sub-path', 'cat /all/some/where/file; ls /all/pods'), 'here\nsub-path\n')
    const trap = shell(
      'sub-path-link',
      STAY,
      { volumeMounts: [mounted('data', '/out', { subPath: 'link/passwd' })] },
      {
        volumes,
        initContainers: [busybox('trap', 'ln -s /etc /data/link', { volumeMounts: [mounted('data')] })],
      },
    )
    const { status } = await node.run(
      trap,
      (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    )
    assert.match(
      status!.containerStatuses![0]!.state!.waiting!.message!,
      /^failed to prepare subPath for volumeMount "data" of container "main"$/,
    )
    await node.delete('sub-path-link', 0)
  })

  it('a missing ConfigMap keeps the pod waiting until it is there', async () => {
    const node = given()
    await node.client.create(
      pods,
      shell(
        'late',
        'cat /v/key',
        { volumeMounts: [mounted('v')] },
        {
          restartPolicy: 'Never',
          volumes: [{ name: 'v', configMap: { name: 'late' } }],
        },
      ),
    )
    await node.untilEvent('late', 'FailedMount', /^MountVolume\.SetUp failed for volume "v" : configmap "late" not found$/)
    await node.client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: 'default' },
      data: { key: 'at last' },
    })
    await node.untilPod('late', hasEnded)
    assert.equal(await node.logs('late'), 'at last')
  })

  it('what a pod had on the node goes with it, and hostPath content stays', async () => {
    const node = given()
    const host = join(node.place.directory, 'kept')
    mkdirSync(host)
    chmodSync(host, 0o777)
    const { metadata } = await node.run(
      shell(
        'gone',
        `echo x >/kept/x; ${STAY}`,
        { volumeMounts: [mounted('kept'), mounted('memory')] },
        {
          volumes: [
            { name: 'kept', hostPath: { path: host } },
            { name: 'memory', emptyDir: { medium: 'Memory' } },
          ],
        },
      ),
    )
    const own = join(node.place.directory, 'kubelet/pods', metadata!.uid!)
    assert.ok(existsSync(own))
    await node.delete('gone')
    assert.equal(existsSync(own), false)
    assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes(metadata!.uid!), false)
    assert.equal(readFileSync(join(host, 'x'), 'utf8'), 'x\n')
  })
}
