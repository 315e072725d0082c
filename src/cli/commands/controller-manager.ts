import { hostname } from 'node:os'
import { FeatureGates, type FeatureSettings } from '#base'
import { type CommandDefinition, UsageError } from '../command.ts'
import {
  boolean,
  checked,
  duration,
  electionOf,
  type LeaderOptions,
  type LogOptions,
  list,
  logLevelOf,
  readFlagFile,
  readFlagPair,
  withLeaderOptions,
  withLogOptions,
} from '../component-options.ts'
import { withFeatureGates } from '../enablement-options.ts'
import { wholeNumber } from '../options.ts'

interface Options extends LogOptions, LeaderOptions {
  readonly kubeconfig: string
  readonly useServiceAccountCredentials: boolean
  readonly controllers?: readonly string[]
  readonly rootCaFile?: string
  readonly allocateNodeCidrs: boolean
  readonly clusterCidr?: string
  readonly nodeCidrMaskSize?: number
  readonly nodeCidrMaskSizeIpv4?: number
  readonly nodeCidrMaskSizeIpv6?: number
  readonly serviceAccountPrivateKeyFile?: string
  readonly clusterSigningCertFile?: string
  readonly clusterSigningKeyFile?: string
  readonly clusterSigningDuration: number
  readonly legacyServiceAccountTokenCleanUpPeriod: number
  readonly featureGates?: FeatureSettings
}

const YEAR_MS = 365 * 24 * 3_600_000

export const controllerManager: CommandDefinition = {
  register(program) {
    const command = program
      .command('controller-manager')
      .description('run the controllers in the foreground')
      .requiredOption('--kubeconfig <file>', 'the cluster and the credentials')
      .option(
        '--use-service-account-credentials [bool]',
        'each controller acts as its own service account',
        boolean('--use-service-account-credentials'),
        false,
      )
      .option('--controllers <names>', "which run: '*', a name, or '-name' for one less", list)
      .option('--root-ca-file <file>', 'what pods verify the API server with, published to every namespace')
      .option('--allocate-node-cidrs [bool]', 'give each node a range of pod addresses', boolean('--allocate-node-cidrs'), false)
      .option('--cluster-cidr <ranges>', 'pod addresses: a range, or one of each family by a comma')
      .option('--node-cidr-mask-size <bits>', "of nodes' ranges, where there is one family", maskSize('--node-cidr-mask-size'))
      .option('--node-cidr-mask-size-ipv4 <bits>', 'of those of IPv4; 24', maskSize('--node-cidr-mask-size-ipv4'))
      .option('--node-cidr-mask-size-ipv6 <bits>', 'of those of IPv6; 64', maskSize('--node-cidr-mask-size-ipv6'))
      .option('--service-account-private-key-file <file>', 'key that signs the tokens in Secrets; without it there are none')
      .option('--cluster-signing-cert-file <file>', 'authority that issues certificates; without it none are')
      .option('--cluster-signing-key-file <file>', 'its key')
      .option(
        '--cluster-signing-duration <duration>',
        'the longest that they live',
        duration('--cluster-signing-duration'),
        YEAR_MS,
      )
      .option(
        '--legacy-service-account-token-clean-up-period <duration>',
        'how long a token in a Secret that was made by itself may be unused until it is marked as invalid, and then until it is deleted',
        duration('--legacy-service-account-token-clean-up-period'),
        YEAR_MS,
      )
    withLogOptions(withLeaderOptions(withFeatureGates(command), 'kube-controller-manager')).action(async (options: Options) => {
      const { componentContext, controllerNames, runProcess, startControllerManagerProcess, systemRandom } = await import(
        '#cluster'
      )
      checkControllers(options.controllers ?? [], controllerNames())
      if (options.allocateNodeCidrs && options.clusterCidr === undefined)
        throw new UsageError('--allocate-node-cidrs needs --cluster-cidr, from which nodes get their ranges')
      if (options.legacyServiceAccountTokenCleanUpPeriod <= 0)
        throw new UsageError('--legacy-service-account-token-clean-up-period has to be more than 0')
      const { kubeconfig, useServiceAccountCredentials, serviceAccountPrivateKeyFile } = options
      const settings = {
        kubeconfig,
        useServiceAccountCredentials,
        signing: await signingOf(options),
        serviceAccountKey:
          serviceAccountPrivateKeyFile && readFlagFile('--service-account-private-key-file', serviceAccountPrivateKeyFile),
        features: new FeatureGates(options.featureGates),
        legacyTokenPeriodMs: options.legacyServiceAccountTokenCleanUpPeriod,
        controllers: options.controllers ?? ['*'],
        rootCA: options.rootCaFile === undefined ? '' : readFlagFile('--root-ca-file', options.rootCaFile),
        ...(await nodeRangesOf(options)),
        election: electionOf(options, `${hostname()}_${systemRandom.uuid()}`),
      }
      await runProcess(async (stop) =>
        startControllerManagerProcess(settings, await componentContext('controller-manager', logLevelOf(options), stop)),
      )
    })
  },
}

const maskSize = (name: string) => wholeNumber(name, 1, 128)

async function nodeRangesOf(
  options: Options,
): Promise<Pick<import('#cluster').ControllerManagerProcessOptions, 'clusterCIDR' | 'nodeMaskSizes'>> {
  const { nodeRangesOf } = await import('#cluster')
  const { allocateNodeCidrs, clusterCidr = '', nodeCidrMaskSize: both } = options
  const sizes = { both, IPv4: options.nodeCidrMaskSizeIpv4, IPv6: options.nodeCidrMaskSizeIpv6 }
  return checked(() => nodeRangesOf(allocateNodeCidrs ? clusterCidr : '', sizes))
}

/** One authority for every signer, as upstream without its flags for each. */
async function signingOf(options: Options): Promise<import('#cluster').ControllerManagerProcessOptions['signing']> {
  const pair = readFlagPair(
    ['--cluster-signing-cert-file', options.clusterSigningCertFile],
    ['--cluster-signing-key-file', options.clusterSigningKeyFile],
  )
  if (pair === undefined) return undefined
  const { SIGNERS } = await import('#cluster')
  return {
    authorities: Object.fromEntries(SIGNERS.map((signer) => [signer, pair])),
    durationMs: options.clusterSigningDuration,
  }
}

function checkControllers(words: readonly string[], known: readonly string[]): void {
  const strange = words.find((word) => word !== '*' && !known.includes(word.replace(/^-/, '')))
  if (strange !== undefined)
    throw new UsageError(`--controllers: there is no controller '${strange.replace(/^-/, '')}'; there are ${known.join(', ')}`)
}
