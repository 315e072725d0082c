import { name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ClusterTrustBundle } from '../generated/types.ts'
import { pathSegmentName } from '../validation/names.ts'
import { validateTrustBundle, validateTrustBundleUpdate } from './validate-trust-bundle.ts'

const common = {
  group: 'certificates.k8s.io',
  kind: 'ClusterTrustBundle',
  scope: 'Cluster' as const,
  names: { plural: 'clustertrustbundles' },
  selectableFields: { 'spec.signerName': ({ spec }: ClusterTrustBundle) => spec?.signerName ?? '' },
  columns: [
    name,
    text(
      'SignerName',
      ({ spec }: ClusterTrustBundle) => orNone(spec?.signerName),
      'certificates.v1beta1.ClusterTrustBundleSpec#signerName',
    ),
  ],
  // The rest depends on the signer, so it is the object that is checked.
  validateName: pathSegmentName,
  validate: validateTrustBundle,
  validateUpdate: validateTrustBundleUpdate,
  ratchets: true,
}

/** Roots of trust, of a signer or of nobody's, which any pod may mount. Off unless its version and the feature gate of its name are turned on. */
export const clusterTrustBundles = defineResource<ClusterTrustBundle>({
  ...common,
  version: 'v1beta1',
  schema: 'io.k8s.api.certificates.v1beta1.ClusterTrustBundle',
})

export const clusterTrustBundlesV1alpha1 = defineResource<ClusterTrustBundle>({
  ...common,
  version: 'v1alpha1',
  storage: {
    group: common.group,
    version: 'v1beta1',
    kind: common.kind,
    toStored: (bundle) => ({ ...bundle, apiVersion: 'certificates.k8s.io/v1beta1' }),
    fromStored: (stored) => ({ ...(stored as ClusterTrustBundle), apiVersion: 'certificates.k8s.io/v1alpha1' }),
  },
  schema: 'io.k8s.api.certificates.v1alpha1.ClusterTrustBundle',
})
