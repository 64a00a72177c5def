module github.com/alphapulse/alphapulse/services/internal/chaos

go 1.26.0

require github.com/stretchr/testify v1.12.1

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace (
	github.com/alphapulse/alphapulse/proto => ../../../proto
	github.com/alphapulse/alphapulse/services => ../..
	github.com/alphapulse/alphapulse/shared => ../../../shared
)
