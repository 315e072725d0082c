import { readFileSync } from 'node:fs'
import { type HttpTransportOptions, httpTransport, type Transport } from '#client'
import { ANSWER_BYTES_MAX, webhookConnection } from '../../review-webhook.ts'

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews'

/** To the server that a kubeconfig names; without one, to the cluster that this process is a pod of. Rejects with what is wrong with it. */
export async function connectTo(kubeConfigFile: string | undefined): Promise<Transport> {
  const connection = kubeConfigFile === undefined ? inCluster() : await webhookConnection(kubeConfigFile)
  return httpTransport({ ...connection, userAgent: 'kube-apiserver', answerBytesMax: ANSWER_BYTES_MAX })
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
