// Renders what istiod would send to an ingress gateway, by istiod's own generators, without a cluster.
//
// render MESH_CONFIG OBJECTS OUTPUT: two YAML files to read, of which OBJECTS has Kubernetes's and Istio's, and a JSON file to
// write.
//
// It is built inside Istio's module (setup/control-planes.mjs), so with the versions that Istio itself requires.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/test"
)

func main() {
	meshConfig, objects := read(os.Args[1]), read(os.Args[2])
	if err := test.Wrap(func(t test.Failer) { render(t, meshConfig, objects) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(t test.Failer, meshConfig, objects string) {
	config, err := mesh.ApplyMeshConfigDefaults(meshConfig)
	if err != nil {
		t.Fatal(err)
	}
	kubernetes, istio := split(objects)
	server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		MeshConfig:             config,
		KubernetesObjectString: kubernetes,
		ConfigString:           istio,
	})
	labels := map[string]string{"istio": "ingressgateway"}
	gateway := server.SetupProxy(&model.Proxy{
		Type:            model.Router,
		ID:              "istio-ingressgateway.istio-system",
		ConfigNamespace: "istio-system",
		Labels:          labels,
		Metadata:        &model.NodeMetadata{Namespace: "istio-system", Labels: labels, IstioVersion: "1.31.0"},
	})
	write(t, os.Args[3], map[string][]json.RawMessage{
		"listeners": encode(t, server.Listeners(gateway)),
		"routes":    encode(t, server.Routes(gateway)),
		"clusters":  encode(t, server.Clusters(gateway)),
	})
}

func write(t test.Failer, file string, rendered map[string][]json.RawMessage) {
	text, err := json.MarshalIndent(rendered, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func encode[M proto.Message](t test.Failer, messages []M) []json.RawMessage {
	encoded := []json.RawMessage{}
	for _, message := range messages {
		text, err := protojson.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, text)
	}
	return encoded
}

// split parts Kubernetes's own objects from Istio's: two parsers read them.
func split(objects string) (string, string) {
	var kubernetes, istio []string
	for _, object := range strings.Split(objects, "\n---\n") {
		if strings.Contains(object, ".istio.io/") {
			istio = append(istio, object)
		} else {
			kubernetes = append(kubernetes, object)
		}
	}
	return strings.Join(kubernetes, "\n---\n"), strings.Join(istio, "\n---\n")
}

func read(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return string(text)
}
