import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { WebSocket } from 'ws'
import { nullLog, systemClock } from '#base'
import { SpdyConnection, type SpdyStream } from '#client'
import { type ExecOptions, RuntimeError, type StreamSession } from '../runtimes/runtime.ts'
import { type StreamingRuntime, streamUpgrades } from './index.ts'

const clock = systemClock

/** Echoes input until it ends, then exits with the number the command names; `size` prints the terminal's first size. */
function session({ stdin, stdout, stderr, command }: ExecOptions): StreamSession {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const finished = Promise.withResolvers<number>()
  const finish = (): void => {
    output.end()
    errors.end('bye\n')
    finished.resolve(Number(command[1] ?? 0))
  }
  if (command[0] === 'size') input.resume()
  else if (stdin) input.on('data', (chunk) => output.write(chunk)).on('end', finish)
  else setImmediate(finish)
  return {
    stdin: stdin ? input : undefined,
    stdout: stdout ? output : undefined,
    stderr: stderr ? errors : undefined,
    resize(width, height) {
      output.write(`${width}x${height}`)
      finish()
    },
    done: finished.promise,
    async [Symbol.asyncDispose]() {
      for (const stream of [input, output, errors]) stream.destroy()
      finished.resolve(137)
    },
  }
}

const runtime: StreamingRuntime = {
  async exec(_id, options) {
    if (options.command[0] === 'missing') throw new RuntimeError('Unknown', 'executable file not found in $PATH')
    return session(options)
  },
  attach: async (_id, options) => session({ ...options, command: [] }),
  async portForward(_sandbox, port) {
    if (port === 1) throw new RuntimeError('Unknown', 'connection refused')
    return Duplex.from(async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) yield `${port}:${chunk}`
    })
  },
}

async function serve() {
  const handler = streamUpgrades(runtime, { clock, log: nullLog })
  const server = createServer()
  const sockets = new Set<Duplex>()
  server.on('upgrade', (incoming, socket, head) => {
    sockets.add(socket)
    const url = new URL(incoming.url ?? '/', 'http://kubelet')
    const target = { action: url.pathname.slice(1), id: 'c1', query: url.searchParams }
    handler(incoming, socket, head, target).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function spdy(port: number, path: string, protocol: string) {
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol }
  const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false })
  outgoing.end()
  const [response, socket] = (await once(outgoing, 'upgrade')) as [import('node:http').IncomingMessage, Duplex]
  assert.equal(response.headers['x-stream-protocol-version'], protocol)
  return SpdyConnection.open(socket, { role: 'client', clock })
}

const open = (connection: SpdyConnection, ...types: string[]): Promise<SpdyStream[]> =>
  Promise.all(types.map((streamtype) => connection.createStream({ streamtype })))

/** Everything a WebSocket said until it closed, by channel. */
async function channels(socket: WebSocket): Promise<Record<number, string>> {
  const said: Record<number, string> = {}
  socket.on('message', (data: Buffer) => {
    said[data[0]!] = (said[data[0]!] ?? '') + data.subarray(1).toString()
  })
  await once(socket, 'close')
  return said
}

test('exec over SPDY carries input, both outputs and the exit code', async () => {
  await using served = await serve()
  await using connection = await spdy(served.port, '/exec?command=cat&command=3&input=1&output=1&error=1', 'v4.channel.k8s.io')
  const [error, stdin, stdout, stderr] = await open(connection, 'error', 'stdin', 'stdout', 'stderr')
  stdin!.end('x'.repeat(200_000))
  const [status, out, err] = await Promise.all([text(error!), text(stdout!), text(stderr!)])
  assert.equal(out.length, 200_000)
  assert.equal(err, 'bye\n')
  const { reason, details } = JSON.parse(status)
  assert.equal(reason, 'NonZeroExitCode')
  assert.deepEqual(details.causes, [{ reason: 'ExitCode', message: '3' }])
})

test('a terminal learns its size', async () => {
  await using served = await serve()
  await using connection = await spdy(served.port, '/exec?command=size&output=1&tty=1', 'v4.channel.k8s.io')
  const [, stdout, resize] = await open(connection, 'error', 'stdout', 'resize')
  resize!.write('{"Width":101,')
  resize!.write('"Height":42}\n')
  assert.equal(await text(stdout!), '101x42')
})

test('exec over WebSocket v5 ends the input by a close message', async () => {
  await using served = await serve()
  const url = `ws://127.0.0.1:${served.port}/exec?command=cat&command=7&input=1&output=1&error=1`
  const socket = new WebSocket(url, ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
  const said = channels(socket)
  await once(socket, 'open')
  assert.equal(socket.protocol, 'v5.channel.k8s.io')
  socket.send(Buffer.from('\0hello'))
  socket.send(Buffer.from([255, 0]))
  const { 1: out, 2: err, 3: status } = await said
  assert.equal(out, 'hello')
  assert.equal(err, 'bye\n')
  assert.equal(JSON.parse(status!).details.causes[0].message, '7')
})

test('a command that can not start is told on the error channel', async () => {
  await using served = await serve()
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/exec?command=missing&output=1`, ['v4.channel.k8s.io'])
  const { 3: status } = await channels(socket)
  assert.match(JSON.parse(status!).message, /executable file not found/)
})

test('port-forward over SPDY joins each pair of streams to its port', async () => {
  await using served = await serve()
  await using connection = await spdy(served.port, '/portForward', 'portforward.k8s.io')
  const ask = async (port: string, requestid: string): Promise<[string, string]> => {
    const error = await connection.createStream({ streamtype: 'error', port, requestid })
    error.end()
    const data = await connection.createStream({ streamtype: 'data', port, requestid })
    data.end('ping')
    return Promise.all([text(data), text(error)])
  }
  assert.deepEqual(await ask('80', '0'), ['80:ping', ''])
  assert.deepEqual(await ask('1', '1'), ['', 'error forwarding port 1 to pod: connection refused'])
})

test('port-forward takes SPDY inside WebSocket, whose protocol name no library accepts', async () => {
  await using served = await serve()
  const socket = connect(served.port, '127.0.0.1')
  socket.write(
    [
      'GET /portForward HTTP/1.1',
      'Host: kubelet',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io',
      '',
      '',
    ].join('\r\n'),
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  assert.match(answer.toString(), /^HTTP\/1.1 101 .*Sec-WebSocket-Protocol: SPDY\/3\.1\+portforward\.k8s\.io/s)
})

test('port-forward over WebSocket channels leads with the port and echoes', async () => {
  await using served = await serve()
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/portForward?port=8080`, ['v4.channel.k8s.io'])
  const heard: Buffer[] = []
  socket.on('message', (data: Buffer) => {
    heard.push(data)
    if (heard.length === 2) socket.send(Buffer.from('\0ping'))
    if (heard.length === 3) socket.close()
  })
  await once(socket, 'close')
  assert.deepEqual(heard.slice(0, 2), [Buffer.from([0, 0x90, 0x1f]), Buffer.from([1, 0x90, 0x1f])])
  assert.equal(heard[2]!.toString(), '\x008080:ping')
})

test('what can not be agreed on is refused with a Status', async () => {
  await using served = await serve()
  const refusal = async (path: string, headers: Record<string, string>): Promise<[number, string]> => {
    const outgoing = request({
      host: '127.0.0.1',
      port: served.port,
      path,
      headers: { connection: 'Upgrade', ...headers },
      agent: false,
    })
    outgoing.end()
    const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage]
    return [response.statusCode ?? 0, (JSON.parse(await text(response)) as { message: string }).message]
  }
  const exec = '/exec?command=x&output=1'
  assert.equal((await refusal(exec, { upgrade: 'h2c' }))[0], 400)
  assert.equal(
    (await refusal('/exec?command=x', { upgrade: 'SPDY/3.1' }))[1],
    'you must specify at least 1 of stdin, stdout, stderr',
  )
  const [code, message] = await refusal(exec, { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v9.channel.k8s.io' })
  assert.equal(code, 403)
  assert.match(message, /unable to negotiate protocol: client supports \[v9.channel.k8s.io\]/)
  assert.equal((await refusal('/portForward?port=x', { upgrade: 'websocket' }))[0], 400)
})
