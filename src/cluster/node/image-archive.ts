import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { packTar, unpackTar } from 'modern-tar'

export interface LayerFile {
  readonly path: string
  /** Octal permission bits. */
  readonly mode: number
  readonly content?: Uint8Array
  readonly symlink?: string
  readonly directory?: boolean
}

export interface ImageInput {
  /** Full reference, e.g. `registry.k8s.io/pause:3.10`. */
  readonly reference: string
  readonly architecture: string
  readonly files: readonly LayerFile[]
  readonly config: {
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly Env?: readonly string[]
    readonly User?: string
    readonly WorkingDir?: string
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** An OCI image layout of one layer, as a tar that `ctr images import` and `t8s image load` take. */
export async function buildImageArchive(input: ImageInput): Promise<Uint8Array> {
  const layer = await packTar(input.files.map((file) => ({ header: headerOf(file), body: file.content ?? new Uint8Array() })))
  const config = Buffer.from(
    JSON.stringify({
      architecture: input.architecture,
      os: 'linux',
      config: input.config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${digestOf(layer)}`] },
    }),
  )
  const descriptor = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: `sha256:${digestOf(bytes)}`,
    size: bytes.length,
  })
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
    }),
  )
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
          annotations: { 'io.containerd.image.name': input.reference, 'org.opencontainers.image.ref.name': input.reference },
        },
      ],
    }),
  )
  const blobs = [layer, config, manifest].map((bytes) => file(`blobs/sha256/${digestOf(bytes)}`, bytes))
  return packTar([file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')), file('index.json', index), ...blobs])
}

const file = (name: string, bytes: Uint8Array) => ({
  header: { name, size: bytes.length, mode: 0o644, type: 'file' as const, mtime: new Date(0) },
  body: bytes,
})

function headerOf({ path, mode, content, symlink, directory }: LayerFile) {
  const shared = { name: path, mode, mtime: new Date(0), uid: 0, gid: 0 }
  if (symlink !== undefined) return { ...shared, size: 0, type: 'symlink' as const, linkname: symlink }
  if (directory) return { ...shared, name: path.endsWith('/') ? path : `${path}/`, size: 0, type: 'directory' as const }
  return { ...shared, size: content?.length ?? 0, type: 'file' as const }
}

/** References of the images in a docker-archive or OCI tar, gzipped or not. Throws a sentence when it is neither. */
export async function imagesInArchive(bytes: Uint8Array, name: string): Promise<string[]> {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzip(bytes, name) : bytes
  let entries: Awaited<ReturnType<typeof unpackTar>>
  try {
    entries = await unpackTar(plain)
  } catch (error) {
    throw new Error(
      `${name} is no tar archive (${(error as Error).message}); give a file made by 'docker save' or an OCI layout in a tar`,
      { cause: error },
    )
  }
  const json = (path: string): unknown => {
    const found = entries.find((entry) => entry.header.name.replace(/^\.\//, '') === path)
    if (found === undefined) return undefined
    try {
      return JSON.parse(Buffer.from(found.data ?? new Uint8Array()).toString())
    } catch (error) {
      throw new Error(`${name}: ${path} is not valid JSON`, { cause: error })
    }
  }
  const index = json('index.json') as { manifests?: { annotations?: Record<string, string> }[] } | undefined
  const legacy = json('manifest.json') as { RepoTags?: string[] }[] | undefined
  if (index === undefined && legacy === undefined)
    throw new Error(`${name} holds no image: neither index.json nor manifest.json is in it`)
  const named = (index?.manifests ?? []).map(
    ({ annotations }) => annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'],
  )
  return [
    ...new Set(
      [...named, ...(legacy ?? []).flatMap(({ RepoTags }) => RepoTags ?? [])].filter((reference) => reference !== undefined),
    ),
  ]
}

function gunzip(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw new Error(`${name} is damaged: ${(error as Error).message}`, { cause: error })
  }
}
