package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
)

// A kubeconfig of ours read, changed and written by upstream's code, with a plugin that hands out a token in it.
func credentials(r *run) {
	loaded, err := clientcmd.LoadFromFile(r.kubeconfig)
	r.must("load", err)
	r.must("validate", clientcmd.Validate(*loaded))
	context := loaded.Contexts[loaded.CurrentContext]
	r.expect(context != nil && loaded.Clusters[context.Cluster] != nil && loaded.AuthInfos[context.AuthInfo] != nil, "the current context %q leads nowhere", loaded.CurrentContext)
	issued, err := r.json.CoreV1().ServiceAccounts("default").CreateToken(r, "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	r.must("token", err)
	self, err := os.Executable()
	r.must("own file", err)
	loaded.AuthInfos["plugin"] = &api.AuthInfo{Exec: &api.ExecConfig{
		APIVersion: clientauthenticationv1.SchemeGroupVersion.String(), Command: self, Args: []string{"exec-credential"},
		Env: []api.ExecEnvVar{{Name: "TOKEN", Value: issued.Status.Token}}, InteractiveMode: api.NeverExecInteractiveMode, ProvideClusterInfo: true,
	}}
	loaded.Contexts["plugin"] = &api.Context{Cluster: context.Cluster, AuthInfo: "plugin", Namespace: "kube-system"}
	directory, err := os.MkdirTemp("", "t8s-kubeconfig-")
	r.must("directory", err)
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "config")
	r.must("write", clientcmd.WriteToFile(*loaded, file))
	chosen := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(&clientcmd.ClientConfigLoadingRules{ExplicitPath: file}, &clientcmd.ConfigOverrides{CurrentContext: "plugin"})
	namespace, _, err := chosen.Namespace()
	r.must("namespace", err)
	r.same("namespace of the context", namespace, "kube-system")
	config, err := chosen.ClientConfig()
	r.must("config", err)
	who, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().Create(r, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	r.must("by the plugin's token", err)
	r.same("who the plugin's token is", who.Status.UserInfo.Username, "system:serviceaccount:default:default")
}

// What a credential plugin prints: the token that it was given, if it was told of the cluster.
func printCredential() {
	var asked clientauthenticationv1.ExecCredential
	if err := json.Unmarshal([]byte(os.Getenv("KUBERNETES_EXEC_INFO")), &asked); err != nil || asked.Spec.Cluster == nil || asked.Spec.Cluster.Server == "" {
		os.Exit(1)
	}
	asked.Status = &clientauthenticationv1.ExecCredentialStatus{Token: os.Getenv("TOKEN"), ExpirationTimestamp: ptr.To(metav1.Now())}
	asked.Spec = clientauthenticationv1.ExecCredentialSpec{}
	_ = json.NewEncoder(os.Stdout).Encode(asked)
}
