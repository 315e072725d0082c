package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	applyappsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	applymetav1 "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
)

// Apply configurations: what one manager owns, another can't change; extracting gives back what was applied.
func applying(r *run) {
	namespace := r.namespace("apply")
	for form, client := range map[string]kubernetes.Interface{"json": r.json, "protobuf": r.protobuf} {
		r.applyDeployment(client, namespace, "web-"+form)
	}
	r.upgradeManagers(namespace)
	r.applyDynamic(namespace)
	r.scaling(namespace)
}

func deploymentConfiguration(name, namespace string, replicas int32) *applyappsv1.DeploymentApplyConfiguration {
	app := map[string]string{"app": name}
	return applyappsv1.Deployment(name, namespace).WithLabels(app).WithSpec(applyappsv1.DeploymentSpec().
		WithReplicas(replicas).
		WithSelector(applymetav1.LabelSelector().WithMatchLabels(app)).
		WithTemplate(applycorev1.PodTemplateSpec().WithLabels(app).WithSpec(applycorev1.PodSpec().
			WithContainers(applycorev1.Container().WithName("main").WithImage("example.com/main:1").
				WithPorts(applycorev1.ContainerPort().WithContainerPort(80))))))
}

func (r *run) applyDeployment(client kubernetes.Interface, namespace, name string) {
	deployments := client.AppsV1().Deployments(namespace)
	wanted := deploymentConfiguration(name, namespace, 0)
	made, err := deployments.Apply(r, wanted, metav1.ApplyOptions{FieldManager: "one"})
	r.must("apply", err)
	extracted, err := applyappsv1.ExtractDeployment(made, "one")
	r.must("extract", err)
	r.same("what was extracted", printed(extracted), printed(wanted))

	other := applyappsv1.Deployment(name, namespace).WithSpec(applyappsv1.DeploymentSpec().WithReplicas(1))
	_, err = deployments.Apply(r, other, metav1.ApplyOptions{FieldManager: "two"})
	if r.expect(errors.IsConflict(err), "an apply to what another owns: %v", err) {
		causes := err.(errors.APIStatus).Status().Details.Causes
		r.same("causes", len(causes), 1)
		r.same("cause", causes[0], metav1.StatusCause{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "one"`, Field: ".spec.replicas"})
	}
	forced, err := deployments.Apply(r, other, metav1.ApplyOptions{FieldManager: "two", Force: true})
	r.must("forced apply", err)
	r.same("replicas", *forced.Spec.Replicas, 1)
	left, err := applyappsv1.ExtractDeployment(forced, "one")
	r.must("extract", err)
	r.expect(left.Spec.Replicas == nil, "the first manager still owns replicas")

	status := applyappsv1.Deployment(name, namespace).WithStatus(applyappsv1.DeploymentStatus().WithConditions(
		applyappsv1.DeploymentCondition().WithType("Judged").WithStatus(corev1.ConditionTrue).WithReason("Here").WithMessage("by hand")))
	shown, err := deployments.ApplyStatus(r, status, metav1.ApplyOptions{FieldManager: "judge", Force: true})
	r.must("status apply", err)
	extractedStatus, err := applyappsv1.ExtractDeploymentStatus(shown, "judge")
	r.must("extract status", err)
	r.same("status that was extracted", printed(extractedStatus), printed(status))
}

func printed(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// A field of a client-side manager is handed to a server-side one, as kubectl does it.
func (r *run) upgradeManagers(namespace string) {
	maps := r.json.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(r, configMap("upgraded", map[string]string{"a": "1"}), metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	r.must("create", err)
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(made, sets.New("kubectl-client-side-apply"), "kubectl")
	r.must("upgrade", err)
	upgraded, err := maps.Patch(r, made.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	r.must("patch", err)
	r.same("managers", len(upgraded.ManagedFields), 1)
	r.same("manager", []any{upgraded.ManagedFields[0].Manager, upgraded.ManagedFields[0].Operation}, []any{"kubectl", "Apply"})
	_, err = maps.Apply(r, applycorev1.ConfigMap("upgraded", namespace), metav1.ApplyOptions{FieldManager: "kubectl"})
	r.must("apply", err)
	left, err := maps.Get(r, "upgraded", metav1.GetOptions{})
	r.must("get", err)
	r.same("what is left when nothing is applied", len(left.Data), 0)
}

func (r *run) applyDynamic(namespace string) {
	maps := r.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace)
	object := func(data map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "dynamic"}, "data": data}}
	}
	wanted := object(map[string]any{"a": "1", "b": "2"})
	made, err := maps.Apply(r, "dynamic", wanted, metav1.ApplyOptions{FieldManager: "one"})
	r.must("dynamic apply", err)
	again, err := maps.Apply(r, "dynamic", wanted, metav1.ApplyOptions{FieldManager: "one"})
	r.must("dynamic apply of the same", err)
	r.same("version after an apply of the same", again.GetResourceVersion(), made.GetResourceVersion())
	_, err = maps.Apply(r, "dynamic", object(map[string]any{"b": "2", "c": "3"}), metav1.ApplyOptions{FieldManager: "two"})
	r.must("dynamic apply of another", err)
	left, err := maps.Apply(r, "dynamic", object(map[string]any{}), metav1.ApplyOptions{FieldManager: "one"})
	r.must("dynamic apply of nothing", err)
	r.same("data", left.Object["data"], map[string]any{"b": "2", "c": "3"})

	fresh, err := r.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace).Create(r, object(map[string]any{"x": "y"}), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	r.expect(errors.IsAlreadyExists(err), "a dry run of a create of what is there: %v, %v", fresh, err)
	unknown := object(nil)
	unknown.SetName("unknown")
	unknown.Object["spec"] = map[string]any{"odd": true}
	_, err = maps.Create(r, unknown, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	r.expect(errors.IsBadRequest(err), "strict validation of an unknown field: %v", err)
}

// The scale client finds what can be scaled by discovery.
func (r *run) scaling(namespace string) {
	_, err := r.json.AppsV1().Deployments(namespace).Create(r, idleDeployment("scaled", 0), metav1.CreateOptions{})
	r.must("create", err)
	for form, config := range map[string]*rest.Config{"json": r.config, "protobuf": protobufConfig(r.config)} {
		cached := memory.NewMemCacheClient(r.json.Discovery())
		mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
		scales, err := scale.NewForConfig(rest.CopyConfig(config), mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(cached))
		r.must("scale client", err)
		resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
		current, err := scales.Scales(namespace).Get(r, resource, "scaled", metav1.GetOptions{})
		r.must(form+" scale", err)
		current.Spec.Replicas += 2
		updated, err := scales.Scales(namespace).Update(r, resource, current, metav1.UpdateOptions{})
		r.must(form+" scale update", err)
		r.same("replicas of the scale", updated.Spec.Replicas, current.Spec.Replicas)
		_, err = scales.Scales(namespace).Update(r, resource, current, metav1.UpdateOptions{})
		r.expect(errors.IsConflict(err), "%s scale update of an old version: %v", form, err)
		patched, err := scales.Scales(namespace).Patch(r, schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "scaled", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
		r.must("scale patch", err)
		r.same("replicas after the patch", patched.Spec.Replicas, 0)
	}
	typed, err := r.protobuf.AppsV1().Deployments(namespace).UpdateScale(r, "scaled", &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "scaled", Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 1}}, metav1.UpdateOptions{})
	r.must("typed scale", err)
	r.same("selector", typed.Status.Selector, "app=scaled")
}

// A controller with a queue, several workers that get in each other's way and status updates, until the world is as it should be.
func controlling(r *run) {
	namespace := r.namespace("controller")
	const objects = 40
	factory := informers.NewSharedInformerFactoryWithOptions(r.protobuf, 0, informers.WithNamespace(namespace))
	budgets := factory.Policy().V1().PodDisruptionBudgets()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	enqueue := func(value any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(value); err == nil {
			queue.Add(key)
		}
	}
	_, err := budgets.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: enqueue, UpdateFunc: func(_, after any) { enqueue(after) }, DeleteFunc: enqueue})
	r.must("handler", err)
	ctx, cancel := context.WithCancel(r)
	defer cancel()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				key, down := queue.Get()
				if down {
					return
				}
				if err := r.reconcile(factory, key); err != nil {
					queue.AddRateLimited(key)
				} else {
					queue.Forget(key)
				}
				queue.Done(key)
			}
		})
	}
	r.contend(namespace, objects)
	r.eventually("every object is mirrored as it is", func() bool {
		mirrors, err := r.json.CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{LabelSelector: "mirror"})
		if err != nil || len(mirrors.Items) != objects {
			return false
		}
		for _, mirror := range mirrors.Items {
			budget, err := budgets.Lister().PodDisruptionBudgets(namespace).Get(mirror.Name)
			if err != nil || mirror.Data["counter"] != "8" || mirror.Data["counter"] != budget.Annotations["counter"] {
				return false
			}
		}
		return true
	})
	queue.ShutDown()
	workers.Wait()
	cancel()
	factory.Shutdown()
}

func (r *run) reconcile(factory informers.SharedInformerFactory, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	budget, err := factory.Policy().V1().PodDisruptionBudgets().Lister().PodDisruptionBudgets(namespace).Get(name)
	if errors.IsNotFound(err) {
		return nil
	}
	mirror := applycorev1.ConfigMap(name, namespace).WithLabels(map[string]string{"mirror": ""}).
		WithData(map[string]string{"counter": budget.Annotations["counter"]}).
		WithOwnerReferences(applymetav1.OwnerReference().WithAPIVersion("policy/v1").WithKind("PodDisruptionBudget").WithName(name).WithUID(budget.UID))
	_, err = r.protobuf.CoreV1().ConfigMaps(namespace).Apply(r, mirror, metav1.ApplyOptions{FieldManager: "mirror", Force: true})
	return err
}

// Four writers count up the same objects, and write into their status; each conflict is tried anew.
func (r *run) contend(namespace string, objects int) {
	client := r.protobuf.PolicyV1().PodDisruptionBudgets(namespace)
	for number := range objects {
		_, err := client.Create(r, &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("b-%d", number), Annotations: map[string]string{"counter": "0"}},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "none"}}},
		}, metav1.CreateOptions{})
		r.must("create", err)
	}
	patient := wait.Backoff{Steps: 50, Duration: time.Millisecond, Factor: 1.2, Jitter: 0.5, Cap: 50 * time.Millisecond}
	var writers sync.WaitGroup
	var lock sync.Mutex
	conflicts := 0
	for range 4 {
		writers.Go(func() {
			for step := range 2 * objects {
				name := fmt.Sprintf("b-%d", step%objects)
				err := retry.RetryOnConflict(patient, func() error {
					budget, err := client.Get(r, name, metav1.GetOptions{})
					if err != nil {
						return err
					}
					budget.Annotations["counter"] = fmt.Sprint(count(budget) + 1)
					if budget, err = client.Update(r, budget, metav1.UpdateOptions{}); errors.IsConflict(err) {
						lock.Lock()
						conflicts++
						lock.Unlock()
					}
					if err != nil {
						return err
					}
					return nil
				})
				if err != nil {
					r.fault("update of %s: %v", name, err)
				}
				err = retry.RetryOnConflict(patient, func() error {
					budget, err := client.Get(r, name, metav1.GetOptions{})
					if err != nil {
						return err
					}
					before := budget.DeepCopy()
					budget.Spec.MinAvailable = ptr.To(intstr.FromInt32(7))
					budget.Status.DisruptedPods = map[string]metav1.Time{name: metav1.Now()}
					updated, err := client.UpdateStatus(r, budget, metav1.UpdateOptions{})
					if err == nil && !equality.Semantic.DeepEqual(updated.Spec, before.Spec) {
						return fmt.Errorf("a status update changed more than the status")
					}
					return err
				})
				if err != nil {
					r.fault("status of %s: %v", name, err)
				}
			}
		})
	}
	writers.Wait()
	r.note("conflicts", conflicts)
}

func count(budget *policyv1.PodDisruptionBudget) (number int) {
	_, _ = fmt.Sscan(budget.Annotations["counter"], &number)
	return number
}

// Finalizers, preconditions, cascades and deletion of collections.
func collections(r *run) {
	namespace := r.namespace("collections")
	maps := r.protobuf.CoreV1().ConfigMaps(namespace)
	for number := range 20 {
		object := configMap(fmt.Sprintf("c-%d", number), nil)
		object.Labels = map[string]string{"half": fmt.Sprint(number % 2)}
		if number%4 == 0 {
			object.Finalizers = []string{"example.com/held"}
		}
		_, err := maps.Create(r, object, metav1.CreateOptions{})
		r.must("create", err)
	}
	r.must("delete collection", maps.DeleteCollection(r, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "half=0"}))
	left, err := maps.List(r, metav1.ListOptions{LabelSelector: "half=0"})
	r.must("list", err)
	r.same("held by a finalizer", len(left.Items), 5)
	for _, object := range left.Items {
		r.expect(object.DeletionTimestamp != nil && object.DeletionGracePeriodSeconds != nil && *object.DeletionGracePeriodSeconds == 0, "%s is not being deleted", object.Name)
		object.Finalizers = append(object.Finalizers, "example.com/late")
		_, err = maps.Update(r, &object, metav1.UpdateOptions{})
		r.expect(errors.IsInvalid(err), "a finalizer that came after the deletion: %v", err)
		object.Finalizers = nil
		_, err = maps.Update(r, &object, metav1.UpdateOptions{})
		r.must("remove finalizer", err)
	}
	left, err = maps.List(r, metav1.ListOptions{LabelSelector: "half=0"})
	r.must("list", err)
	r.same("without finalizers", len(left.Items), 0)
	r.preconditions(namespace)
	r.cascades(namespace)
	partial := metadata.NewForConfigOrDie(r.config).Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace)
	r.must("metadata delete collection", partial.DeleteCollection(r, metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name!=kube-root-ca.crt"}))
	left, err = maps.List(r, metav1.ListOptions{LabelSelector: "half"})
	r.must("list", err)
	r.same("after a deletion by metadata", len(left.Items), 0)
}

func (r *run) preconditions(namespace string) {
	maps := r.json.CoreV1().ConfigMaps(namespace)
	object, err := maps.Get(r, "c-1", metav1.GetOptions{})
	r.must("get", err)
	err = maps.Delete(r, "c-1", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("other")})
	r.expect(errors.IsConflict(err), "a delete of another UID: %v", err)
	err = maps.Delete(r, "c-1", *metav1.NewRVDeletionPrecondition("1"))
	r.expect(errors.IsConflict(err), "a delete of an old version: %v", err)
	stale := object.DeepCopy()
	object.Data = map[string]string{"new": "yes"}
	_, err = maps.Update(r, object, metav1.UpdateOptions{})
	r.must("update", err)
	_, err = maps.Update(r, stale, metav1.UpdateOptions{})
	r.expect(errors.IsConflict(err), "an update of an old version: %v", err)
	r.must("delete", maps.Delete(r, "c-1", *metav1.NewPreconditionDeleteOptions(string(object.UID))))
	_, err = maps.Get(r, "c-1", metav1.GetOptions{})
	r.expect(errors.IsNotFound(err), "after the delete: %v", err)
	_, err = maps.Create(r, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "made-"}}, metav1.CreateOptions{})
	r.must("generated name", err)
}

func (r *run) cascades(namespace string) {
	deployments := r.json.AppsV1().Deployments(namespace)
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationForeground, metav1.DeletePropagationBackground, metav1.DeletePropagationOrphan} {
		name := map[metav1.DeletionPropagation]string{metav1.DeletePropagationForeground: "fore", metav1.DeletePropagationBackground: "back", metav1.DeletePropagationOrphan: "orphan"}[policy]
		_, err := deployments.Create(r, idleDeployment(name, 1), metav1.CreateOptions{})
		r.must("create", err)
		sets := func() int {
			list, err := r.json.AppsV1().ReplicaSets(namespace).List(r, metav1.ListOptions{LabelSelector: "app=" + name})
			r.must("list", err)
			return len(list.Items)
		}
		r.eventually(name+" has its replica set", func() bool { return sets() == 1 })
		r.must("delete", deployments.Delete(r, name, metav1.DeleteOptions{PropagationPolicy: ptr.To(policy)}))
		r.eventually(name+" is gone", func() bool {
			_, err := deployments.Get(r, name, metav1.GetOptions{})
			return errors.IsNotFound(err)
		})
		if policy == metav1.DeletePropagationOrphan {
			r.same("replica sets of an orphaned deployment", sets(), 1)
		} else {
			r.eventually("replica sets of "+name+" are gone", func() bool { return sets() == 0 })
		}
	}
}
