package wire

import (
	"net/netip"
	"strings"
	"testing"

	"fairlead.dev/fairlead/hack/clusters/plan"
)

func TestRules(t *testing.T) {
	api := netip.MustParseAddr("10.240.1.1")
	for _, test := range []struct {
		name    string
		options plan.Options
		cuts    []Cut
		want    string
	}{
		{"nothing", plan.Options{Network: "flat", IP: "ipv4"}, nil, ""},
		{"cut off", plan.Options{Network: "flat", IP: "ipv4"}, []Cut{{}}, `
  chain arrive {
    type filter hook prerouting priority -310;
    iifname "eth0" ip saddr != { 10.240.0.1/32, 10.240.2.0/24, 10.242.0.0/16, 10.252.0.0/16 } drop
    iifname "eth0" ip6 saddr != { fdfa:1ead::1/128, fe80::/10, ff00::/8 } drop
  }
  chain leave {
    type filter hook postrouting priority 310;
    oifname "eth0" ip daddr != { 10.240.0.1/32, 10.240.2.0/24, 10.242.0.0/16, 10.252.0.0/16 } drop
    oifname "eth0" ip6 daddr != { fdfa:1ead::1/128, fe80::/10, ff00::/8 } drop
  }
`},
		{"hears nothing from west", plan.Options{Network: "flat", IP: "dual"}, []Cut{{From: "west"}}, `
  chain arrive {
    type filter hook prerouting priority -310;
    iifname "eth0" ip saddr { 10.240.1.0/24, 10.241.0.0/16, 10.251.0.0/16 } drop
    iifname "eth0" ip6 saddr { fdfa:1ead:241::/48, fdfa:1ead:251::/112, fdfa:1ead::1:0/112 } drop
  }
`},
		{"from the hub", plan.Options{Network: "flat", IP: "ipv4"}, []Cut{{Hub: "west", API: api}}, `
  chain arrive {
    type filter hook prerouting priority -310;
    iifname "eth0" ip saddr 10.240.1.1 tcp sport 6443 drop
  }
  chain leave {
    type filter hook postrouting priority 310;
    oifname "eth0" ip daddr 10.240.1.1 tcp dport 6443 drop
  }
`},
		{"separate and overlapping", plan.Options{Network: "separate", Overlap: true, IP: "ipv4"}, []Cut{{From: "west"}}, `
  chain arrive {
    type filter hook prerouting priority -310;
    iifname "eth0" ip saddr { 10.240.1.0/24 } drop
  }
  chain forward {
    type filter hook forward priority 0;
    iifname "eth0" ct state established,related accept
    iifname "eth0" ct status dnat accept
    iifname "eth0" ip saddr != { 10.240.0.1/32, 10.240.2.0/24, 10.241.0.0/16, 10.251.0.0/16 } drop
    iifname "eth0" ip6 saddr != { fdfa:1ead::1/128, fe80::/10, ff00::/8 } drop
  }
  chain translate {
    type nat hook postrouting priority 90;
    oifname "eth0" ip saddr 10.241.0.0/16 ip daddr != 10.241.0.0/16 masquerade
  }
`},
	} {
		test.options.Clusters, test.options.Nodes = 2, 1
		f, err := plan.New(test.options)
		if err != nil {
			t.Fatal(err)
		}
		got := Rules(f, f.Clusters[1], test.cuts)
		want := "table inet fairlead\ndelete table inet fairlead\ntable inet fairlead {\n" + strings.TrimPrefix(test.want, "\n") + "}\n"
		if got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, got, want)
		}
	}
}
