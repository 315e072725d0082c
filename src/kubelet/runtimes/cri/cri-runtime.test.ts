import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { nullLog, systemClock } from '#base'
import { type Runtime, RuntimeError } from '../runtime.ts'
import { criCodec } from './codec.ts'
import { openCriRuntime } from './index.ts'

type Handler = (request: Record<string, unknown>) => object

/** A runtime of a few handlers behind a unix socket, speaking CRI's bytes. */
async function serve(handlers: Readonly<Record<string, Handler>>, streams: Readonly<Record<string, object[]>> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 't8s-cri-'))
  const server = new grpc.Server()
  const coder = (message: string) => ({
    to: (value: object) => Buffer.from(criCodec.encode(message, value)),
    from: (bytes: Buffer) => criCodec.decode(message, bytes),
  })
  const method = (path: string, request: string, response: string, responseStream: boolean) => ({
    path,
    requestStream: false,
    responseStream,
    requestSerialize: coder(request).to,
    requestDeserialize: coder(request).from,
    responseSerialize: coder(response).to,
    responseDeserialize: coder(response).from,
  })
  for (const [path, handler] of Object.entries(handlers)) {
    const name = path.split('/')[1]!
    const definition = { [name]: method(`/runtime.v1.${path}`, `${name}Request`, `${name}Response`, false) }
    const unary: grpc.handleUnaryCall<Record<string, unknown>, object> = (call, callback) => {
      try {
        callback(null, handler(call.request))
      } catch (error) {
        callback(error as grpc.ServiceError)
      }
    }
    server.addService(definition, { [name]: unary })
  }
  for (const [path, messages] of Object.entries(streams)) {
    const definition = { Subscribe: method(path, 'containerd.SubscribeRequest', 'containerd.Envelope', true) }
    const stream: grpc.handleServerStreamingCall<object, object> = (call) => {
      for (const message of messages) call.write(message)
    }
    server.addService(definition, { Subscribe: stream })
  }
  const endpoint = `unix://${join(directory, 'cri.sock')}`
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(endpoint, grpc.ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  )
  const runtime: Runtime = await openCriRuntime({ endpoint, clock: systemClock, log: nullLog })
  return {
    runtime,
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]()
      server.forceShutdown()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const refuse = (code: grpc.status, details: string): never => {
  throw Object.assign(new Error(details), { code, details })
}

test('a runtime says who it is and why its network is not ready', async () => {
  await using served = await serve({
    'RuntimeService/Version': () => ({ runtime_name: 'containerd', runtime_version: '1.6.20' }),
    'RuntimeService/Status': () => ({
      status: {
        conditions: [
          { type: 'RuntimeReady', status: true },
          { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message: 'cni plugin not initialized' },
        ],
      },
    }),
  })
  assert.deepEqual(await served.runtime.version(), { name: 'containerd', version: '1.6.20' })
  assert.deepEqual(await served.runtime.status(), {
    runtimeReady: true,
    networkReady: false,
    message: 'NetworkPluginNotReady: cni plugin not initialized',
  })
})

test('a container keeps its environment, its user 0 and its mounts on the way to the runtime', async () => {
  let seen: Record<string, unknown> | undefined
  await using served = await serve({
    'RuntimeService/CreateContainer': (request) => {
      seen = request
      return { container_id: 'c1' }
    },
  })
  const namespaces = { network: 'POD', pid: 'CONTAINER', ipc: 'POD' } as const
  const sandbox = {
    metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 },
    hostname: 'web',
    logDirectory: '/var/log/pods/x',
    dns: { servers: ['10.96.0.10'], searches: [], options: ['ndots:5'] },
    portMappings: [],
    labels: { a: 'b' },
    annotations: {},
    cgroupParent: '/kubepods/x',
    sysctls: {},
    namespaces,
    privileged: false,
    supplementalGroups: [],
    readonlyRootfs: false,
  }
  const id = await served.runtime.createContainer(
    's1',
    {
      metadata: { name: 'main', attempt: 2 },
      image: 'sha256:1',
      userSpecifiedImage: 'busybox',
      command: ['sh'],
      args: [],
      workingDir: '',
      envs: [{ key: 'GREETING', value: 'grüß dich' }],
      mounts: [{ containerPath: '/data', hostPath: '/x', readonly: true, propagation: 'HOST_TO_CONTAINER' }],
      devices: [],
      labels: {},
      annotations: {},
      logPath: 'main/2.log',
      stdin: false,
      stdinOnce: false,
      tty: false,
      resources: { cpuShares: 102, oomScoreAdj: -997 },
      securityContext: {
        privileged: false,
        namespaces,
        addCapabilities: ['NET_ADMIN'],
        dropCapabilities: [],
        runAsUser: 0,
        supplementalGroups: [1, 2],
        readonlyRootfs: false,
        noNewPrivileges: true,
        maskedPaths: [],
        readonlyPaths: [],
        seccomp: { type: 'Unconfined' },
      },
    },
    sandbox,
  )
  assert.equal(id, 'c1')
  const config = seen!['config'] as Record<string, never>
  assert.deepEqual(config['envs'], [{ key: 'GREETING', value: Buffer.from('grüß dich').toString('base64') }])
  assert.equal(config['mounts']![0]!['propagation'], 'PROPAGATION_HOST_TO_CONTAINER')
  assert.equal(config['linux']!['resources']!['oom_score_adj'], -997)
  assert.deepEqual(config['linux']!['security_context']!['run_as_user'], { value: 0 })
  assert.deepEqual(config['linux']!['security_context']!['supplemental_groups'], [1, 2])
  assert.equal(config['linux']!['security_context']!['seccomp']!['profile_type'], 'Unconfined')
})

test('an exited container says how it ended', async () => {
  await using served = await serve({
    'RuntimeService/ContainerStatus': () => ({
      status: {
        id: 'c1',
        metadata: { name: 'main' },
        state: 'CONTAINER_EXITED',
        exit_code: 137,
        reason: 'OOMKilled',
        started_at: 1_767_225_600_000_000_000,
        image: { image: 'sha256:1', user_specified_image: 'busybox' },
        image_ref: 'docker.io/library/busybox@sha256:2',
      },
    }),
  })
  const status = await served.runtime.containerStatus('c1')
  assert.equal(status.state, 'EXITED')
  assert.equal(status.exitCode, 137)
  assert.equal(status.reason, 'OOMKilled')
  assert.equal(status.startedAtMs, 1_767_225_600_000)
  assert.equal(status.image, 'busybox')
})

test('what is gone counts as stopped; other failures keep their code and words', async () => {
  await using served = await serve({
    'RuntimeService/StopContainer': () => refuse(grpc.status.NOT_FOUND, 'no such container'),
    'RuntimeService/ExecSync': () => refuse(grpc.status.DEADLINE_EXCEEDED, 'timeout 1s exceeded'),
    'ImageService/ImageStatus': () => ({}),
  })
  await served.runtime.stopContainer('gone', 0)
  const timedOut = (error: unknown): boolean => error instanceof RuntimeError && error.code === 'DeadlineExceeded'
  await assert.rejects(served.runtime.execSync('c1', ['true'], 1), timedOut)
  assert.equal(await served.runtime.imageStatus('nothing'), undefined)
  const missing = (error: unknown): boolean => error instanceof RuntimeError && error.code === 'Unimplemented'
  await assert.rejects(served.runtime.listImages(), missing)
})

test('events come from containerd when CRI has none, and begin with a list of all', async () => {
  const taskExit = Buffer.from(criCodec.encode('containerd.TaskEvent', { container_id: 'c1' }))
  await using served = await serve(
    {
      'RuntimeService/Version': () => ({ runtime_name: 'containerd' }),
      'RuntimeService/ListContainers': () => ({ containers: [{ id: 'c1', pod_sandbox_id: 's1' }] }),
      'RuntimeService/ContainerStatus': () => ({ status: { id: 'c1', state: 'CONTAINER_EXITED' } }),
    },
    { '/containerd.services.events.v1.Events/Subscribe': [{ topic: '/tasks/exit', event: { value: taskExit } }] },
  )
  const ending = new AbortController()
  const seen: (string | undefined)[] = []
  for await (const { sandboxId } of served.runtime.events(ending.signal)) {
    seen.push(sandboxId)
    if (sandboxId !== undefined) break
  }
  ending.abort()
  assert.equal(seen[0], undefined)
  assert.equal(seen.at(-1), 's1')
})

test('a runtime that is not there is unavailable', async () => {
  await using runtime = await openCriRuntime({ endpoint: 'unix:///nonexistent/cri.sock', clock: systemClock, log: nullLog })
  await assert.rejects(runtime.version(), (error) => error instanceof RuntimeError && error.code === 'Unavailable')
})
