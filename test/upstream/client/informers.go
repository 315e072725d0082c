package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

// What an informer told, each object once a change, in order.
type told struct {
	sync.Mutex
	versions map[string]uint64
	adds     int
	updates  int
	deletes  int
	resyncs  int
	faults   []string
}

func listen() *told { return &told{versions: map[string]uint64{}} }

func revision(object runtime.Object) uint64 {
	number, err := strconv.ParseUint(versionOf(object), 10, 64)
	if err != nil {
		panic(err)
	}
	return number
}

func (t *told) fault(format string, values ...any) {
	t.faults = append(t.faults, fmt.Sprintf(format, values...))
}

func (t *told) OnAdd(value any, _ bool) {
	t.Lock()
	defer t.Unlock()
	object := value.(runtime.Object)
	name := nameOf(object)
	if _, twice := t.versions[name]; twice {
		t.fault("%s was added twice", name)
	}
	t.versions[name] = revision(object)
	t.adds++
}

func (t *told) OnUpdate(before, after any) {
	t.Lock()
	defer t.Unlock()
	object, previous := after.(runtime.Object), before.(runtime.Object)
	name := nameOf(object)
	known, there := t.versions[name]
	switch {
	case !there:
		t.fault("%s was updated before it was added", name)
	case revision(previous) != known:
		t.fault("%s was updated from %d, but was at %d", name, revision(previous), known)
	case revision(object) < known:
		t.fault("%s went back from %d to %d", name, known, revision(object))
	case revision(object) == known:
		t.resyncs++
	default:
		t.updates++
	}
	t.versions[name] = revision(object)
}

func (t *told) OnDelete(value any) {
	t.Lock()
	defer t.Unlock()
	if unknown, lost := value.(cache.DeletedFinalStateUnknown); lost {
		value = unknown.Obj
	}
	object := value.(runtime.Object)
	name := nameOf(object)
	if _, there := t.versions[name]; !there {
		t.fault("%s was deleted before it was added", name)
	}
	delete(t.versions, name)
	t.deletes++
}

func (t *told) snapshot() map[string]uint64 {
	t.Lock()
	defer t.Unlock()
	return maps.Clone(t.versions)
}

func (t *told) count() int {
	t.Lock()
	defer t.Unlock()
	return len(t.versions)
}

func (r *run) heard(what string, t *told) {
	t.Lock()
	defer t.Unlock()
	for _, fault := range t.faults {
		r.fault("%s: %s", what, fault)
	}
}

// Informers of every kind there is hold what a list has.
func informing(r *run) {
	r.namespace("informers")
	r.everyKind()
	r.typedInformers()
	r.selectedInformers()
	r.resyncing()
}

func (r *run) everyKind() {
	ctx, cancel := context.WithCancel(r)
	defer cancel()
	dynamics := dynamicinformer.NewDynamicSharedInformerFactory(r.dynamic, 0)
	partials := metadatainformer.NewSharedInformerFactory(metadata.NewForConfigOrDie(r.config), 0)
	resources := r.listable()
	for _, resource := range resources {
		for _, informer := range []cache.SharedIndexInformer{dynamics.ForResource(resource).Informer(), partials.ForResource(resource).Informer()} {
			r.must("watch errors", informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) { r.fault("%v: %v", resource, err) }))
		}
	}
	dynamics.Start(ctx.Done())
	partials.Start(ctx.Done())
	for resource, synced := range dynamics.WaitForCacheSync(ctx.Done()) {
		r.expect(synced, "dynamic informer of %v never synced", resource)
	}
	for resource, synced := range partials.WaitForCacheSync(ctx.Done()) {
		r.expect(synced, "metadata informer of %v never synced", resource)
	}
	for _, resource := range resources {
		store := dynamics.ForResource(resource).Informer().GetStore()
		r.eventually(fmt.Sprintf("the informer of %v has what a list has", resource), func() bool {
			list, err := r.dynamic.Resource(resource).List(r, metav1.ListOptions{})
			r.must("list", err)
			return len(list.Items) == len(store.ListKeys())
		})
	}
	cancel()
	dynamics.Shutdown()
	partials.Shutdown()
}

// Typed informers over protobuf and JSON tell the same.
func (r *run) typedInformers() {
	ctx, cancel := context.WithCancel(r)
	defer cancel()
	forms := map[string]informers.SharedInformerFactory{"JSON": informers.NewSharedInformerFactory(r.json, 0), "protobuf": informers.NewSharedInformerFactory(r.protobuf, 0)}
	ears := map[string]*told{}
	for form, factory := range forms {
		ears[form] = listen()
		informer := factory.Core().V1().ConfigMaps().Informer()
		_, err := informer.AddEventHandler(ears[form])
		r.must("handler", err)
		r.must("indexers", informer.AddIndexers(cache.Indexers{"color": func(value any) ([]string, error) {
			return []string{value.(*corev1.ConfigMap).Data["color"]}, nil
		}}))
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(ctx.Done())
	}
	maps := r.protobuf.CoreV1().ConfigMaps("informers")
	for number := range 30 {
		made, err := maps.Create(r, configMap(fmt.Sprintf("typed-%d", number), map[string]string{"color": []string{"red", "blue"}[number%2]}), metav1.CreateOptions{})
		r.must("create", err)
		made.Labels = map[string]string{"number": strconv.Itoa(number)}
		_, err = maps.Update(r, made, metav1.UpdateOptions{})
		r.must("update", err)
		if number%3 == 0 {
			r.must("delete", maps.Delete(r, made.Name, metav1.DeleteOptions{}))
		}
	}
	list, err := r.json.CoreV1().ConfigMaps("").List(r, metav1.ListOptions{})
	r.must("list", err)
	for form, factory := range forms {
		informer := factory.Core().V1().ConfigMaps()
		r.eventually(form+" informer is where the list is", func() bool {
			held, err := informer.Lister().List(labels.Everything())
			return err == nil && len(held) == len(list.Items) && r.heldSame(held, list.Items)
		})
		red, err := informer.Informer().GetIndexer().ByIndex("color", "red")
		r.must("index", err)
		r.same(form+" red ones", len(red), 10)
		r.expect(ears[form].adds >= 30 && ears[form].updates >= 30 && ears[form].deletes == 10, "%s: %d added, %d updated, %d deleted", form, ears[form].adds, ears[form].updates, ears[form].deletes)
		r.heard(form, ears[form])
	}
	cancel()
	for _, factory := range forms {
		factory.Shutdown()
	}
}

func (r *run) heldSame(held []*corev1.ConfigMap, listed []corev1.ConfigMap) bool {
	byName := map[string]*corev1.ConfigMap{}
	for _, object := range held {
		byName[nameOf(object)] = object
	}
	return !slices.ContainsFunc(listed, func(object corev1.ConfigMap) bool {
		return !equality.Semantic.DeepEqual(byName[nameOf(&object)], &object)
	})
}

// Selectors let objects come and go as they change, transforms change what is kept.
func (r *run) selectedInformers() {
	ctx, cancel := context.WithCancel(r)
	defer cancel()
	factory := informers.NewSharedInformerFactoryWithOptions(r.protobuf, 0,
		informers.WithNamespace("informers"),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = "shown in (yes,maybe),!hidden" }),
		informers.WithTransform(func(value any) (any, error) {
			if accessor, err := meta.Accessor(value); err == nil {
				accessor.SetManagedFields(nil)
			}
			return value, nil
		}))
	ear := listen()
	_, err := factory.Core().V1().ConfigMaps().Informer().AddEventHandler(ear)
	r.must("handler", err)
	field := informers.NewSharedInformerFactoryWithOptions(r.json, 0, informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = "metadata.name=selected" }))
	named := listen()
	_, err = field.Core().V1().ConfigMaps().Informer().AddEventHandler(named)
	r.must("handler", err)
	factory.Start(ctx.Done())
	field.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	field.WaitForCacheSync(ctx.Done())

	maps := r.json.CoreV1().ConfigMaps("informers")
	object, err := maps.Create(r, configMap("selected", nil), metav1.CreateOptions{})
	r.must("create", err)
	steps := []struct {
		labels map[string]string
		shown  int
	}{
		{map[string]string{"shown": "yes"}, 1},
		{map[string]string{"shown": "maybe"}, 1},
		{map[string]string{"shown": "maybe", "hidden": ""}, 0},
		{map[string]string{"shown": "yes"}, 1},
		{map[string]string{"shown": "no"}, 0},
	}
	for _, step := range steps {
		object.Labels = step.labels
		object, err = maps.Update(r, object, metav1.UpdateOptions{})
		r.must("update", err)
		r.eventually(fmt.Sprintf("%v shows %d", step.labels, step.shown), func() bool { return ear.count() == step.shown })
		for _, kept := range factory.Core().V1().ConfigMaps().Informer().GetStore().List() {
			r.same("managed fields after the transform", len(kept.(*corev1.ConfigMap).ManagedFields), 0)
		}
	}
	r.must("delete", maps.Delete(r, "selected", metav1.DeleteOptions{}))
	r.eventually("the named one is gone", func() bool { return named.count() == 0 })
	r.same("by label: adds, updates, deletes", []int{ear.adds, ear.updates, ear.deletes}, []int{2, 1, 2})
	r.same("by field: adds, updates, deletes", []int{named.adds, named.updates, named.deletes}, []int{1, 5, 1})
	r.heard("by label", ear)
	r.heard("by field", named)
	cancel()
	factory.Shutdown()
	field.Shutdown()
}

// A resync tells everything again, and asks the server for nothing.
func (r *run) resyncing() {
	ctx, cancel := context.WithCancel(r)
	defer cancel()
	factory := informers.NewSharedInformerFactory(r.json, 200*time.Millisecond)
	ear := listen()
	var informer = factory.Apps().V1().Deployments().Informer()
	_, err := r.json.AppsV1().Deployments("informers").Create(r, idleDeployment("resynced", 0), metav1.CreateOptions{})
	r.must("create", err)
	_, err = informer.AddEventHandlerWithResyncPeriod(ear, 200*time.Millisecond)
	r.must("handler", err)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	r.eventually("three resyncs", func() bool { ear.Lock(); defer ear.Unlock(); return ear.resyncs >= 3 })
	r.heard("resync", ear)
	r.expect(informer.LastSyncResourceVersion() != "", "an informer has no resourceVersion")
	cancel()
	factory.Shutdown()
}

func idleDeployment(name string, replicas int32) *appsv1.Deployment {
	selected := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: selected},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: selected},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/" + name}}},
			},
		},
	}
}
