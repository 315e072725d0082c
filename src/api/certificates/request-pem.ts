const PEM = /^\s*-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----/m

/**
 * The certificate request in `spec.request`, as PEM; undefined when there is none. Whoever judges and whoever signs a request reads the same: its first block,
 * whatever stands around it.
 */
export const certificateRequestPem = (request: string | undefined): string | undefined =>
  PEM.exec(Buffer.from(request ?? '', 'base64').toString())?.[0]
