package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/certificate"
	"k8s.io/client-go/util/certificate/csr"
	"k8s.io/client-go/util/keyutil"
)

const nodeName = "bootstrapped"

// As a kubelet joins: with a bootstrap token, then by certificates that it renews itself.
func certificates(r *run) {
	r.requested()
	bootstrap := r.bootstrapClient()
	directory, err := os.MkdirTemp("", "t8s-certificates-")
	r.must("directory", err)
	defer os.RemoveAll(directory)
	store, err := certificate.NewFileStore("kubelet-client", directory, directory, "", "")
	r.must("store", err)
	// A key of the same name means a new request, as after a part of a kubelet's identity changed.
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}}}
	manager := func() certificate.Manager {
		made, err := certificate.NewManager(&certificate.Config{
			ClientsetFn: func(current *tls.Certificate) (kubernetes.Interface, error) {
				if current == nil {
					return bootstrap, nil
				}
				return kubernetes.NewForConfigOrDie(r.certified(current)), nil
			},
			GetTemplate: func() *x509.CertificateRequest { return template },
			SignerName:  certificatesv1.KubeAPIServerClientKubeletSignerName, GetUsages: certificate.DefaultKubeletClientGetUsages, CertificateStore: store,
		})
		r.must("manager", err)
		return made
	}
	first := manager()
	first.Start()
	r.eventually("a certificate for a bootstrap token", func() bool { return first.Current() != nil })
	first.Stop()
	leaf := first.Current().Leaf
	r.same("subject", leaf.Subject.String(), "CN=system:node:"+nodeName+",O=system:nodes")
	node := kubernetes.NewForConfigOrDie(r.certified(first.Current()))
	_, err = node.CoreV1().Nodes().Create(r, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}, metav1.CreateOptions{})
	r.must("a node that registers itself", err)
	_, err = node.CoreV1().Nodes().Create(r, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "other"}}, metav1.CreateOptions{})
	r.expect(errors.IsForbidden(err), "another node: %v", err)
	r.rotated(store, first.Current())
	r.must("delete", r.json.CoreV1().Nodes().Delete(r, nodeName, metav1.DeleteOptions{}))
}

// The certificate that is there renews itself by the right of its own node.
func (r *run) rotated(store certificate.Store, current *tls.Certificate) {
	client := kubernetes.NewForConfigOrDie(r.certified(current))
	key, request := r.request(pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}})
	name, uid, err := csr.RequestCertificateWithContext(r, client, request, "", certificatesv1.KubeAPIServerClientKubeletSignerName, new(time.Duration(time.Hour)), certificate.DefaultKubeletClientGetUsages(key), key)
	r.must("rotation", err)
	ctx, cancel := context.WithTimeout(r, 20*time.Second)
	defer cancel()
	issued, err := csr.WaitForCertificate(ctx, client, name, uid)
	r.must("wait for the rotation", err)
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	r.must("key", err)
	renewed, err := store.Update(issued, keyPEM)
	r.must("update", err)
	r.expect(time.Until(renewed.Leaf.NotAfter) < 61*time.Minute, "a certificate for an hour ends at %v", renewed.Leaf.NotAfter)
	_, err = kubernetes.NewForConfigOrDie(r.certified(renewed)).CoreV1().Nodes().Get(r, nodeName, metav1.GetOptions{})
	r.must("a node with its new certificate", err)
}

func (r *run) certified(current *tls.Certificate) *rest.Config {
	config := rest.AnonymousClientConfig(r.config)
	config.QPS = -1
	for _, der := range current.Certificate {
		config.CertData = append(config.CertData, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := keyutil.MarshalPrivateKeyToPEM(current.PrivateKey)
	r.must("key", err)
	config.KeyData = key
	return config
}

func (r *run) bootstrapClient() kubernetes.Interface {
	_, err := r.json.CoreV1().Secrets("kube-system").Create(r, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-abcdef"}, Type: "bootstrap.kubernetes.io/token",
		StringData: map[string]string{"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true", "auth-extra-groups": "system:bootstrappers:judges"},
	}, metav1.CreateOptions{})
	r.must("bootstrap token", err)
	joiners := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:bootstrappers:judges"}
	r.bind("judges-bootstrap", "system:node-bootstrapper", joiners)
	r.bind("judges-approve", "system:certificates.k8s.io:certificatesigningrequests:nodeclient", joiners)
	r.bind("judges-rotate", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:nodes"})
	config := rest.AnonymousClientConfig(r.config)
	config.BearerToken = "abcdef.0123456789abcdef"
	return kubernetes.NewForConfigOrDie(config)
}

func (r *run) request(subject pkix.Name) (crypto.Signer, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.must("key", err)
	request, err := cert.MakeCSR(key, &subject, nil, nil)
	r.must("request", err)
	return key, request
}

// A request of a person: approved by hand, waited for, used; another is denied.
func (r *run) requested() {
	usages := []certificatesv1.KeyUsage{certificatesv1.UsageClientAuth}
	requests := r.protobuf.CertificatesV1().CertificateSigningRequests()
	decide := func(name string, kind certificatesv1.RequestConditionType) {
		made, err := requests.Get(r, name, metav1.GetOptions{})
		r.must("get", err)
		made.Status.Conditions = append(made.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "ByHand", Message: "by hand"})
		_, err = requests.UpdateApproval(r, name, made, metav1.UpdateOptions{})
		r.must("decision", err)
	}
	ctx, cancel := context.WithTimeout(r, 20*time.Second)
	defer cancel()
	key, request := r.request(pkix.Name{CommonName: "ann", Organization: []string{"team"}})
	name, uid, err := csr.RequestCertificateWithContext(r, r.protobuf, request, "ann", certificatesv1.KubeAPIServerClientSignerName, nil, usages, key)
	r.must("request", err)
	again, uidAgain, err := csr.RequestCertificateWithContext(r, r.protobuf, request, "ann", certificatesv1.KubeAPIServerClientSignerName, nil, usages, key)
	r.must("request again", err)
	r.same("the same request", []any{again, uidAgain}, []any{name, uid})
	decide(name, certificatesv1.CertificateApproved)
	issued, err := csr.WaitForCertificate(ctx, r.protobuf, name, uid)
	r.must("certificate", err)
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	r.must("key", err)
	pair, err := tls.X509KeyPair(issued, keyPEM)
	r.must("pair", err)
	_, err = kubernetes.NewForConfigOrDie(r.certified(&pair)).CoreV1().Pods("default").List(r, metav1.ListOptions{})
	r.expect(errors.IsForbidden(err) && err.Error() == `pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"`, "as ann: %v", err)

	_, denied := r.request(pkix.Name{CommonName: "bob"})
	name, uid, err = csr.RequestCertificateWithContext(r, r.protobuf, denied, "bob", certificatesv1.KubeAPIServerClientSignerName, nil, usages, key)
	r.must("request", err)
	decide(name, certificatesv1.CertificateDenied)
	_, err = csr.WaitForCertificate(ctx, r.protobuf, name, uid)
	r.expect(err != nil && strings.HasSuffix(err.Error(), "certificate signing request is denied, reason: ByHand, message: by hand"), "what was denied: %v", err)
}
