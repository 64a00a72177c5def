package composecheck_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// root is the repository, seen from this directory.
const root = "../../.."

// oneShot are the services that end when their work is done.
var oneShot = []string{"migrate"}

// profiles are all that there are.
var profiles = []string{"demo", "notifier", "observability"}

// load parses the file as Docker Compose does: unknown keys, missing volumes,
// secrets or dependencies are errors.
func load(t *testing.T, environment []string, profiles ...string) *types.Project {
	t.Helper()

	project, err := parse(t, filepath.Join(root, "docker-compose.yml"), environment, profiles...)
	require.NoError(t, err)

	return project
}

func parse(t *testing.T, path string, environment []string, profiles ...string) (*types.Project, error) {
	t.Helper()

	options, err := cli.NewProjectOptions([]string{path},
		cli.WithEnv(environment), cli.WithProfiles(profiles), cli.WithInterpolation(true),
		cli.WithNormalization(true), cli.WithConsistency(true), cli.WithResolvedPaths(true))
	require.NoError(t, err)

	return options.LoadProject(t.Context())
}

func TestServicesOfEachProfile(t *testing.T) {
	t.Parallel()

	fleet := []string{
		"aggregator", "api", "migrate", "nats", "postgres", "scheduler",
		"worker-balances", "worker-orders", "worker-positions", "worker-prices", "worker-fills", "worker-ledger",
		"worker-closed-pnl", "worker-candles", "worker-instruments",
	}

	require.ElementsMatch(t, fleet, load(t, nil).ServiceNames())

	for profile, more := range map[string][]string{
		"demo": {"sim"}, "notifier": {"notifier"}, "observability": {"prometheus", "grafana"},
	} {
		require.Contains(t, profiles, profile)
		require.ElementsMatch(t, append(more, fleet...), load(t, nil, profile).ServiceNames())
	}
}

func TestEachServiceIsHealthyOrEnds(t *testing.T) {
	t.Parallel()

	for name, service := range load(t, nil, profiles...).Services {
		if slices.Contains(oneShot, name) {
			require.Equal(t, types.RestartPolicyNo, service.Restart, name)

			continue
		}

		require.NotNil(t, service.HealthCheck, name)
		require.False(t, service.HealthCheck.Disable, name)
		require.NotEmpty(t, service.HealthCheck.Test, name)
		require.Equal(t, "CMD", service.HealthCheck.Test[0], "%s: our image has no shell", name)
		require.NotNil(t, service.HealthCheck.Timeout, name)
		require.NotNil(t, service.HealthCheck.Interval, name)
		require.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
	}
}

// Each of our processes starts when what it needs is healthy, or has ended
// well.
func TestDependenciesAreWaitedFor(t *testing.T) {
	t.Parallel()

	project := load(t, nil, profiles...)

	for name, service := range project.Services {
		for other, dependency := range service.DependsOn {
			want := types.ServiceConditionHealthy
			if slices.Contains(oneShot, other) {
				want = types.ServiceConditionCompletedSuccessfully
			}

			require.Equal(t, want, dependency.Condition, "%s on %s", name, other)
			require.True(t, dependency.Required, "%s on %s", name, other)
		}

		if _, reads := service.Environment["DATABASE_URL_FILE"]; reads {
			require.Contains(t, service.DependsOn, "postgres", name)
		}

		if _, speaks := service.Environment["NATS_URL"]; speaks {
			require.Contains(t, service.DependsOn, "nats", name)
			require.Contains(t, service.DependsOn, "migrate", name)
		}
	}
}

func TestPortsAreForThisMachineOnly(t *testing.T) {
	t.Parallel()

	published := 0

	for name, service := range load(t, nil, profiles...).Services {
		require.Empty(t, service.NetworkMode, "%s: the host's network would bypass this", name)

		for _, port := range service.Ports {
			published++

			require.Equal(t, "127.0.0.1", port.HostIP, "%s: port %s", name, port.Published)
			require.NotEmpty(t, port.Published, "%s: port %d", name, port.Target)
		}
	}

	require.Positive(t, published)
}

// Two copies of a worker must not want the same name or port.
func TestOneScalableWorkerForEachType(t *testing.T) {
	t.Parallel()

	project := load(t, nil)

	for _, dataType := range []string{
		"balances", "positions", "orders", "prices", "fills", "ledger", "closed_pnl", "candles", "instruments",
	} {
		worker, ok := project.Services["worker-"+strings.ReplaceAll(dataType, "_", "-")]
		require.True(t, ok, dataType)
		require.Equal(t, types.ShellCommand{"worker", "--types", dataType}, worker.Command)
		require.Empty(t, worker.ContainerName, dataType)
		require.Empty(t, worker.Hostname, dataType)
		require.Empty(t, worker.Ports, dataType)
		require.Empty(t, worker.Volumes, dataType)
		require.NotNil(t, worker.Environment["ALPHAPULSE_EGRESS"], "all workers share one address, and so one budget")
	}
}

func TestImagesArePinned(t *testing.T) {
	t.Parallel()

	pinned := regexp.MustCompile(`^((postgres|nats):\d+\.\d+(\.\d+)?-[a-z0-9.]+|(prom/prometheus:v|grafana/grafana:)\d+\.\d+\.\d+)$`)

	for name, service := range load(t, nil, profiles...).Services {
		if service.Build != nil {
			require.Equal(t, "alphapulse:dev", service.Image, name)
			require.True(t, filepath.IsAbs(service.Build.Context), name)
			require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile), name)

			continue
		}

		require.Regexp(t, pinned, service.Image, name)
	}

	project := load(t, []string{"ALPHAPULSE_VERSION=v1.2.3"})
	require.Equal(t, "alphapulse:v1.2.3", project.Services["api"].Image)
	require.Equal(t, "v1.2.3", *project.Services["api"].Build.Args["VERSION"])
}

// What is kept is in volumes with names; what is mounted from the checkout is
// there, and nobody writes to it.
func TestVolumesAreNamed(t *testing.T) {
	t.Parallel()

	project := load(t, nil, profiles...)
	require.ElementsMatch(t, []string{"postgres", "nats", "prometheus", "grafana"}, project.VolumeNames())

	mounts := map[string]string{}

	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeVolume {
				mounts[volume.Source] = volume.Target

				continue
			}

			require.Equal(t, types.VolumeTypeBind, volume.Type, name)
			require.True(t, volume.ReadOnly, "%s: %s", name, volume.Source)
			require.DirExists(t, volume.Source, name)
		}
	}

	require.Equal(t, map[string]string{
		"postgres": "/var/lib/postgresql/data", "nats": "/data", "prometheus": "/prometheus", "grafana": "/var/lib/grafana",
	}, mounts)
}

// Our own processes run without root, without capabilities and on a file
// system that they cannot write.
func TestOurProcessesMayDoLittle(t *testing.T) {
	t.Parallel()

	for name, service := range load(t, nil, profiles...).Services {
		if service.Build == nil {
			continue
		}

		require.Equal(t, "65532:65532", service.User, name)
		require.True(t, service.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, service.CapDrop, name)
		require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		require.False(t, service.Privileged, name)
	}

	other := load(t, []string{"ALPHAPULSE_UID=1000", "ALPHAPULSE_GID=1001"})
	require.Equal(t, "1000:1001", other.Services["worker-orders"].User)
}

// The parser is strict: what it must refuse, it refuses.
func TestMistakesAreRefused(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct{ old, new, says string }{
		"unknown key":        {"stop_grace_period: 1m", "stop_grace_perod: 1m", "stop_grace_perod"},
		"unknown volume":     {"- postgres:/var", "- postgress:/var", "postgress"},
		"unknown secret":     {"secrets: [postgres_password]", "secrets: [postgres_pasword]", "postgres_pasword"},
		"unknown dependency": {"  migrate:\n    condition", "  migration:\n    condition", "migration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			content := read(t, "docker-compose.yml")
			require.Contains(t, content, test.old)

			path := filepath.Join(t.TempDir(), "docker-compose.yml")
			write(t, path, strings.Replace(content, test.old, test.new, 1))

			_, err := parse(t, path, nil, profiles...)
			require.ErrorContains(t, err, test.says)
		})
	}
}
