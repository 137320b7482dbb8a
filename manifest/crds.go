package manifest

import (
	"embed"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	mcs "sigs.k8s.io/mcs-api/config/crd"
	"sigs.k8s.io/yaml"
)

//go:embed crds/*.yaml
var files embed.FS

// HubCRDs are the definitions of the kinds that stand on the hub: ours, and ClusterProfile.
func HubCRDs() []*apiextensionsv1.CustomResourceDefinition {
	return []*apiextensionsv1.CustomResourceDefinition{
		embedded("fairlead.dev_members.yaml"),
		embedded("fairlead.dev_servicerecords.yaml"),
		embedded("fairlead.dev_endpointrecords.yaml"),
		embedded("multicluster.x-k8s.io_clusterprofiles.yaml"),
	}
}

// MemberCRDs are the definitions of the kinds that stand in a member cluster. All of them are standard ones, which another product may have
// brought already in a newer version: who installs them leaves those that serve the versions here as they are.
func MemberCRDs() []*apiextensionsv1.CustomResourceDefinition {
	return []*apiextensionsv1.CustomResourceDefinition{
		definition("ServiceExport", mcs.ServiceExportCRD),
		definition("ServiceImport", mcs.ServiceImportCRD),
		embedded("about.k8s.io_clusterproperties.yaml"),
	}
}

func embedded(name string) *apiextensionsv1.CustomResourceDefinition {
	text, err := files.ReadFile("crds/" + name)
	if err != nil {
		panic("manifest: " + err.Error()) // it is compiled in, or the package does not build
	}
	return definition(name, text)
}

func definition(name string, text []byte) *apiextensionsv1.CustomResourceDefinition {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(text, crd); err != nil {
		panic(fmt.Sprintf("manifest: definition %s: %v", name, err))
	}
	return crd
}
