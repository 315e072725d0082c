import { pemBlocks } from './pem-blocks.ts'

const TYPE = 'CERTIFICATE REQUEST'

/** What the first PEM block of `spec.request` holds; undefined when there is none, or it is of another type. */
export function firstRequestBlock(request: string | undefined): Buffer | undefined {
  for (const { type, bytes } of pemBlocks(Buffer.from(request ?? '', 'base64').toString('latin1')))
    return type === TYPE ? bytes : undefined
  return undefined
}

/**
 * The certificate request in `spec.request`, as PEM; undefined when there is none. Whoever judges and whoever signs a request reads the same: its first block,
 * whatever stands around it.
 */
export function certificateRequestPem(request: string | undefined): string | undefined {
  const block = firstRequestBlock(request)
  return block && `-----BEGIN ${TYPE}-----\n${block.toString('base64')}\n-----END ${TYPE}-----`
}
