import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Pod, pods, type Secret, secrets } from '#api'
import { buildTestImages } from '../images/build.ts'
import { pushImage } from '../images/push.ts'
import { type Alone, alone } from './alone.ts'
import { hasEnded, RealNode, STAY, shell, untilOutput } from './real-node.ts'

const place = alone(import.meta.filename)
const OPEN = 'localhost:5001'
const PRIVATE = 'localhost:5002'
const CREDENTIALS = { username: 'ann', password: 'sesame' }
/** bcrypt of that password, as the registry wants it. */
const HTPASSWD = 'ann:$2y$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O\n'

const basic = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString('base64')
const finite = { restartPolicy: 'Never' }
const waiting = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.waiting

describe('images are pulled from registries', { concurrency: 8 }, () => {
  let node: RealNode
  let archive: string
  let digest: string
  const registries: ChildProcess[] = []
  before(async () => {
    node = await RealNode.start(place, buildTestImages)
    archive = join(place.directory, 'busybox.tar')
    registries.push(await startRegistry(place, OPEN, ''), await startRegistry(place, PRIVATE, HTPASSWD))
    digest = await pushImage(`http://${OPEN}`, archive, 'tools/busybox', '1')
    await pushImage(`http://${PRIVATE}`, archive, 'secret/busybox', '1', { authorization: `Basic ${basic}` })
  })
  after(async () => {
    for (const registry of registries) registry.kill()
    await node[Symbol.asyncDispose]()
  })

  it('one that is missing is pulled when the policy allows it, and the events say so', async () => {
    const image = `${OPEN}/tools/busybox:1`
    const { status } = await node.run(
      shell('missing', 'echo pulled', { image, imagePullPolicy: 'IfNotPresent' }, finite),
      hasEnded,
    )
    assert.equal(await node.logs('missing'), 'pulled\n')
    assert.equal(status?.containerStatuses?.[0]?.image, image)
    assert.equal(status?.containerStatuses?.[0]?.imageID, `${OPEN}/tools/busybox@${digest}`)
    await node.untilEvent('missing', 'Pulling', new RegExp(`^Pulling image "${image}"$`))
    await node.untilEvent(
      'missing',
      'Pulled',
      new RegExp(`^Successfully pulled image "${image}" in \\S+s \\(\\S+s including waiting\\)\\. Image size: \\d+ bytes\\.$`),
    )
  })

  it('a digest names an image as well as a tag does', async () => {
    const image = `${OPEN}/tools/busybox@${digest}`
    const { status } = await node.run(shell('by-digest', 'echo digest', { image }, finite), hasEnded)
    assert.equal(status?.containerStatuses?.[0]?.imageID, image)
  })

  it('Always asks the registry though the image is there, Never asks nobody', async () => {
    const image = 't8s.local/busybox:1'
    await node.client.create(pods, shell('always', STAY, { image, imagePullPolicy: 'Always' }))
    await node.untilPod('always', (pod) => waiting(pod)?.reason === 'ErrImagePull')
    const never = shell('never', STAY, { image: `${OPEN}/tools/never:1`, imagePullPolicy: 'Never' })
    await node.run(never, (pod) => waiting(pod)?.reason === 'ErrImageNeverPull')
    const message = `Container image "${OPEN}/tools/never:1" is not present with pull policy of Never`
    assert.equal(waiting(await node.client.get(pods, 'default/never'))?.message, message)
    await node.untilEvent('never', 'ErrImageNeverPull', new RegExp(`^${message}$`))
    await node.untilEvent('never', 'Failed', /^Error: ErrImageNeverPull$/)
    assert.equal(
      (await node.events('never')).some(({ reason }) => reason === 'Pulling'),
      false,
    )
    await Promise.all([node.delete('always', 0), node.delete('never', 0)])
  })

  it('an image that no registry has fails, backs off, and runs once it is there', async () => {
    const image = `${OPEN}/tools/late:1`
    const failed = await node.run(shell('late', 'echo late', { image }, finite), (pod) => waiting(pod)?.reason === 'ErrImagePull')
    assert.equal(
      waiting(failed)?.message,
      `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`,
    )
    assert.equal(failed.status?.phase, 'Pending')
    await node.untilEvent('late', 'Failed', new RegExp(`^Failed to pull image "${image}": rpc error: code = NotFound desc = `))
    await node.untilEvent('late', 'Failed', /^Error: ErrImagePull$/)
    const backedOff = await node.untilPod('late', (pod) => waiting(pod)?.reason === 'ImagePullBackOff')
    assert.match(
      waiting(backedOff)!.message!,
      new RegExp(`^Back-off pulling image "${image}": ErrImagePull: rpc error: code = NotFound`),
    )
    await node.untilEvent('late', 'BackOff', new RegExp(`^Back-off pulling image "${image}"$`))
    await node.untilEvent('late', 'Failed', /^Error: ImagePullBackOff$/)
    await assert.rejects(node.logs('late'), /container "main" in pod "late" is waiting to start: image can't be pulled/)
    await pushImage(`http://${OPEN}`, archive, 'tools/late', '1')
    await node.untilPod('late', hasEnded)
    assert.equal(await node.logs('late'), 'late\n')
  })

  it('a private registry refuses whoever has no credentials, and wrong ones', async () => {
    const image = `${PRIVATE}/secret/busybox:1`
    await node.client.create(secrets, dockerConfig('wrong', { username: 'ann', password: 'guess' }))
    const specs = [{}, { imagePullSecrets: [{ name: 'wrong' }] }, { imagePullSecrets: [{ name: 'not-there' }] }]
    for (const [index, spec] of specs.entries()) {
      const name = `refused-${index}`
      const pod = await node.run(
        shell(name, STAY, { image, imagePullPolicy: 'Always' }, spec),
        (each) => waiting(each)?.reason === 'ErrImagePull',
      )
      assert.match(waiting(pod)!.message!, /no basic auth credentials|401 Unauthorized|authorization failed/)
      await node.delete(name, 0)
    }
    await node.untilEvent(
      'refused-2',
      'FailedToRetrieveImagePullSecret',
      /^Unable to retrieve some image pull secrets \(not-there\); attempting to pull the image may not succeed\.$/,
    )
  })

  it('imagePullSecrets open it, in the new form and the old', async () => {
    const image = `${PRIVATE}/secret/busybox:1`
    await node.client.create(secrets, dockerConfig('new', CREDENTIALS))
    await node.client.create(secrets, {
      ...dockerConfig('old', CREDENTIALS),
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': encode({ [`http://${PRIVATE}`]: { auth: basic } }) },
    })
    for (const name of ['new', 'old']) {
      await node.run(
        shell(`with-${name}`, `echo ${name}`, { image, imagePullPolicy: 'Always' }, { ...finite, imagePullSecrets: [{ name }] }),
        hasEnded,
      )
      assert.equal(await node.logs(`with-${name}`), `${name}\n`)
    }
  })

  it('a name that is none is refused without asking anybody', async () => {
    await node.client.create(pods, shell('invalid', STAY, { image: 'Not_An Image!' }))
    await node.untilPod('invalid', (pod) => waiting(pod)?.reason === 'InvalidImageName')
    await node.untilEvent(
      'invalid',
      'InspectFailed',
      /^Failed to apply default image tag "Not_An Image!": couldn't parse image name "Not_An Image!": invalid reference format$/,
    )
    await node.delete('invalid', 0)
  })
})

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64')

const dockerConfig = (name: string, credentials: object): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': encode({ auths: { [PRIVATE]: credentials, 'other.test': { auth: 'eDp5' } } }) },
})

/** Debian's docker-registry on loopback; with passwords if there are any. */
async function startRegistry({ directory }: Alone, address: string, htpasswd: string): Promise<ChildProcess> {
  const name = address.replace(':', '-')
  const passwords = join(directory, `${name}.htpasswd`)
  writeFileSync(passwords, htpasswd)
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, name) } },
    http: { addr: address.replace('localhost', '127.0.0.1') },
    ...(htpasswd !== '' && { auth: { htpasswd: { realm: 'test', path: passwords } } }),
  }
  const file = join(directory, `${name}.yml`)
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config))
  const child = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const failed = once(child, 'exit').then(() => {
    throw new Error('docker-registry ended')
  })
  failed.catch(() => undefined)
  await Promise.race([untilOutput(child.stderr!, /listening on/), failed])
  return child
}
