import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { connectionOf, type HttpTransportOptions, httpTransport, readKubeconfig, type Transport } from '#client'
import { ANSWER_BYTES_MAX } from './webhook.ts'

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews'

/** To the server that a kubeconfig names; without one, to the cluster that this process is a pod of. Rejects with what is wrong with it. */
export async function connectTo(kubeConfigFile: string | undefined): Promise<Transport> {
  const connection = kubeConfigFile === undefined ? inCluster() : await fromFile(kubeConfigFile)
  return httpTransport({ ...connection, userAgent: 'kube-apiserver', answerBytesMax: ANSWER_BYTES_MAX })
}

async function fromFile(path: string): Promise<HttpTransportOptions> {
  const connection = connectionOf(await readKubeconfig(path), { directory: dirname(path) })
  if (!connection.server.startsWith('https://'))
    throw new Error(`the kubeconfig ${path} names the server ${connection.server}, which is not https`)
  return connection
}

function inCluster(): HttpTransportOptions {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
  if (!host || !port)
    throw new Error(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    )
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}${REVIEWS}`,
    ca: readFileSync(`${ACCOUNT}/ca.crt`, 'utf8'),
    token: async () => readFileSync(`${ACCOUNT}/token`, 'utf8').trim(),
  }
}
