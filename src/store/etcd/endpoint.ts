export interface EtcdEndpoints {
  /** `http://host:port` or `https://host:port`, as `--etcd-servers`. */
  readonly servers: readonly string[]
  readonly tls?: EtcdTls | undefined
}

/** How a cluster is reached whose members, or what one shows them, change while stores use it. The first server is preferred: it is the nearest. */
export class ChangingEndpoints implements EtcdEndpoints {
  readonly #handlers = new Set<() => void>()
  #servers: readonly string[]
  #tls: EtcdTls | undefined

  constructor({ servers, tls }: EtcdEndpoints) {
    this.#servers = servers
    this.#tls = tls
  }

  get servers(): readonly string[] {
    return this.#servers
  }

  get tls(): EtcdTls | undefined {
    return this.#tls
  }

  replace(change: Partial<EtcdEndpoints>): void {
    this.#servers = change.servers ?? this.#servers
    this.#tls = change.tls ?? this.#tls
    for (const handler of this.#handlers) handler()
  }

  onChange(handler: () => void): Disposable {
    this.#handlers.add(handler)
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) }
  }
}

/** PEM texts. */
export interface EtcdTls {
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

/** Throws one sentence for what is no URL of an etcd member. */
export function parseEndpoint(endpoint: string): {
  readonly protocol: 'http:' | 'https:'
  readonly hostname: string
  readonly host: string
} {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  const { protocol } = url ?? {}
  if (url === undefined || (protocol !== 'http:' && protocol !== 'https:') || url.hostname === '')
    throw new Error(`${JSON.stringify(endpoint)} is no URL of an etcd member; it looks like https://10.0.0.1:2379`)
  // URL drops a port that is the protocol's own, which is not etcd's.
  const port = /:(\d+)\/*$/.exec(endpoint)?.[1] ?? '2379'
  return { protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), host: `${url.hostname}:${port}` }
}
