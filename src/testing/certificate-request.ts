/** A request of `O=people, CN=ann` for a certificate, signed with its own key (P-256): DER in base64. */
export const REQUEST_DER = [
  'MIHZMIGBAgEAMB8xDzANBgNVBAoMBnBlb3BsZTEMMAoGA1UEAwwDYW5uMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5p+Uu/L5',
  'MFpfPqY4iVaGQ1591Q7f4q2SMi8InzzoXhiiOqChHsQSpewcEBK80/fFSb9VZm/L3nOf22uxQrzd16AAMAoGCCqGSM49BAMCA0cA',
  'MEQCIEY/Q7i07yjErGrH5EnHAPzLJ6z8kJSAj7TMmZB4k9G0AiBiBVOoyjhF/gVdzy1RsPi7bI5loSfnI2GwZ5disqk/LA==',
].join('')

/** A certificate of `CN=ann` by itself, valid until 2126: DER in base64. */
export const CERTIFICATE_DER = [
  'MIIBdDCCARmgAwIBAgIUZusqaAI1kmoJFALCaiihDS4D9EcwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDYW5uMCAXDTI2MTEyNzA5',
  'MzgwOFoYDzIxMjYxMTAzMDkzODA4WjAOMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATmn5S78vkwWl8+',
  'pjiJVoZDXn3VDt/irZIyLwifPOheGKI6oKEexBKl7BwQErzT98VJv1Vmb8vec5/ba7FCvN3Xo1MwUTAdBgNVHQ4EFgQUKLpMu4dv',
  'V6swnGFoIfKxzSSXZY0wHwYDVR0jBBgwFoAUKLpMu4dvV6swnGFoIfKxzSSXZY0wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD',
  'AgNJADBGAiEAylM9wx/KSmtRL8+lIogof8lhUwFmOnFnWv+iV4v24WACIQCgY/E2N06Lqz4m3ozZ2R/D+cv/S6OQLayJBntObskX',
  'gA==',
].join('')

/** One PEM block of DER in base64, in base64 as bytes are in JSON. */
export const armoured = (der: string, type = 'CERTIFICATE REQUEST'): string =>
  btoa(`-----BEGIN ${type}-----\n${der.replaceAll(/.{1,64}/g, '$&\n')}-----END ${type}-----\n`)
