import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A port of this machine that leads to another, and can be led elsewhere: what a client sees of a server that is replaced. */
export interface Relay extends AsyncDisposable {
  readonly port: number
  /** Ends all connections, and lets no other in. */
  cut(): void
  lead(port: number): void
}

export async function startRelay(port: number): Promise<Relay> {
  let target: number | undefined = port
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  }
  const server = createServer((incoming) => {
    keep(incoming)
    if (target === undefined) {
      incoming.destroy()
      return
    }
    const outgoing = keep(connect(target, '127.0.0.1'))
    incoming.pipe(outgoing).pipe(incoming)
    incoming.once('close', () => outgoing.destroy())
    outgoing.once('close', () => incoming.destroy())
  })
  const cut = (): void => {
    target = undefined
    for (const socket of sockets) socket.destroy()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    lead: (next) => (target = next),
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
