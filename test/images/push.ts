import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { unpackTar } from 'modern-tar'

/** Pushes the one image of an OCI archive as `name:tag`; resolves with its digest. `registry` is a URL. */
export async function pushImage(
  registry: string,
  archive: string,
  name: string,
  tag: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const entries = await unpackTar(readFileSync(archive))
  const read = (path: string): Uint8Array => {
    const found = entries.find(({ header }) => header.name === path)?.data
    if (found === undefined) throw new Error(`${archive} has no ${path}`)
    return found
  }
  const index = JSON.parse(Buffer.from(read('index.json')).toString()) as { manifests: { digest: string; mediaType: string }[] }
  const [{ digest, mediaType }] = index.manifests as [{ digest: string; mediaType: string }]
  const manifest = read(`blobs/${digest.replace(':', '/')}`)
  for (const { header, data } of entries)
    if (header.name.startsWith('blobs/') && data !== undefined && data !== manifest)
      await pushBlob(`${registry}/v2/${name}/blobs/uploads/`, data, headers)
  await expect(201, `${registry}/v2/${name}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': mediaType },
    body: Buffer.from(manifest),
  })
  return digest
}

async function pushBlob(uploads: string, data: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
  const started = await expect(202, uploads, { method: 'POST', headers })
  const target = new URL(started.headers.get('location')!, uploads)
  target.searchParams.set('digest', `sha256:${createHash('sha256').update(data).digest('hex')}`)
  const body = { headers: { ...headers, 'content-type': 'application/octet-stream' }, body: Buffer.from(data) }
  await expect(201, target.href, { method: 'PUT', ...body })
}

async function expect(status: number, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  if (response.status !== status) throw new Error(`${init.method} ${url}: ${response.status} ${await response.text()}`)
  return response
}
