package world

// Topology is what the fleet runs on.
type Topology string

// The topologies; a run of the fault matrix goes through them in this order.
const (
	Single     Topology = "single"    // one broker, one database
	Cluster    Topology = "cluster"   // three brokers, three copies of each stream
	Replicated Topology = "replica"   // a primary database and a streaming replica
	PowerCut   Topology = "power-cut" // the broker's disk forgets what was not flushed
	// PowerCutAlways is such a disk under a broker that flushes before it confirms.
	PowerCutAlways Topology = "power-cut-always"
)

// Topologies are all of them, in order.
func Topologies() []Topology {
	return []Topology{Single, Cluster, Replicated, PowerCut, PowerCutAlways}
}
