"""Debian's Kubernetes client at work on the cluster of $KUBECONFIG. Prints one JSON object of what it saw; the test judges it."""

import json

from kubernetes import client, config, dynamic, watch

NAMESPACE = "default"
GROUP, VERSION = "example.com", "v1"
POD = {"containers": [{"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "0.5"}}}]}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "maximum": 9, "default": 1},
                                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                                },
                            },
                            "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
                        },
                    }
                },
            }
        ],
    },
}

seen = {}


def until(call, holds, **arguments):
    """The events of a watch up to the one that holds."""
    types, watching = [], watch.Watch()
    for event in watching.stream(call, timeout_seconds=20, **arguments):
        types.append(event["type"])
        if holds(event["object"]):
            watching.stop()
            return types
    raise AssertionError("the watch ended")


def refused(call):
    try:
        call()
    except client.ApiException as error:
        body = json.loads(error.body)
        return [error.status, body["reason"], body["message"]]
    except dynamic.exceptions.DynamicApiError as error:
        body = json.loads(error.body)
        return [error.status, body["reason"], body["message"]]
    raise AssertionError("the call was accepted")


def typed():
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    pod = {"metadata": {"name": "one", "labels": {"a": "b"}}, "spec": POD}
    created = core.create_namespaced_pod(NAMESPACE, pod)
    seen["created"] = [created.spec.containers[0].image_pull_policy, created.spec.containers[0].resources.requests["cpu"]]
    seen["watch"] = until(core.list_namespaced_pod, lambda each: each.status.phase == "Running", namespace=NAMESPACE)[0]
    seen["again"] = refused(lambda: core.create_namespaced_pod(NAMESPACE, pod))
    seen["missing"] = refused(lambda: core.read_namespaced_pod("none", NAMESPACE))
    core.patch_namespaced_pod("one", NAMESPACE, {"metadata": {"labels": {"c": "d"}}})
    patched = core.patch_namespaced_pod("one", NAMESPACE, [{"op": "remove", "path": "/metadata/labels/a"}])
    patched.metadata.labels["e"] = "f"
    seen["labels"] = core.replace_namespaced_pod("one", NAMESPACE, patched).metadata.labels
    seen["deleted"] = core.delete_namespaced_pod("one", NAMESPACE, grace_period_seconds=0).metadata.name

    template = {"metadata": {"labels": {"d": "web"}}, "spec": POD}
    spec = {"replicas": 2, "selector": {"matchLabels": {"d": "web"}}, "template": template}
    apps.create_namespaced_deployment(NAMESPACE, {"metadata": {"name": "web"}, "spec": spec})
    until(apps.list_namespaced_deployment, lambda each: each.status.available_replicas == 2, namespace=NAMESPACE)
    page = core.list_namespaced_pod(NAMESPACE, label_selector="d=web", limit=1)
    rest = core.list_namespaced_pod(NAMESPACE, label_selector="d=web", limit=1, _continue=page.metadata._continue)
    seen["pages"] = [len(page.items), page.metadata.remaining_item_count, len(rest.items), rest.metadata._continue]
    scale = apps.read_namespaced_deployment_scale("web", NAMESPACE)
    scale.spec.replicas = 3
    seen["scaled"] = apps.replace_namespaced_deployment_scale("web", NAMESPACE, scale).spec.replicas
    seen["gone"] = apps.delete_namespaced_deployment("web", NAMESPACE).status


def custom():
    extensions = client.ApiextensionsV1Api()
    extensions.create_custom_resource_definition(CRD)
    established = lambda crd: any(each.type == "Established" and each.status == "True" for each in crd.status.conditions or [])
    until(extensions.list_custom_resource_definition, established)
    found = dynamic.DynamicClient(client.ApiClient())
    widgets = found.resources.get(api_version=f"{GROUP}/{VERSION}", kind="Widget")
    widget = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"tags": ["a"]}}
    seen["default"] = widgets.create(body=widget, namespace=NAMESPACE).spec.size
    named = {"name": "w", "namespace": NAMESPACE}
    merge = "application/merge-patch+json"
    seen["merged"] = widgets.patch(body={"spec": {"size": 2}}, content_type=merge, **named).spec.size
    # This client encodes no dictionary of this media type itself.
    applied = json.dumps({**widget, "spec": {"tags": ["b"]}})
    seen["applied"] = widgets.server_side_apply(body=applied, field_manager="python", **named).spec.tags
    seen["status"] = widgets.status.patch(body={"spec": {"size": 9}, "status": {"size": 4}}, content_type=merge, **named).to_dict()
    seen["scale"] = widgets.scale.get(**named).spec.replicas
    seen["invalid"] = refused(lambda: widgets.patch(body={"spec": {"size": 10}}, content_type=merge, **named))
    seen["listed"] = [each.metadata.name for each in widgets.get(namespace=NAMESPACE).items]
    seen["added"] = next(iter(widgets.watch(namespace=NAMESPACE, timeout=20)))["type"]
    seen["custom gone"] = widgets.delete(**named).status


config.load_kube_config()
typed()
custom()
print(json.dumps(seen))
