// The function's work for a start and for RUNNING in Go with AWS's SDK and runtime client, as most write it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	targets "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// What both events have of it.
type detail struct {
	Cluster        string   `json:"cluster"`
	TaskDefinition string   `json:"taskDefinition"`
	TargetGroupArn string   `json:"targetGroupArn"`
	Port           int      `json:"port"`
	Subnets        []string `json:"subnets"`
	ClusterArn     string   `json:"clusterArn"`
	TaskArn        string   `json:"taskArn"`
	StartedBy      string   `json:"startedBy"`
}

type answer struct {
	TaskArn string `json:"taskArn,omitempty"`
	Target  string `json:"target,omitempty"`
}

type function struct {
	ecs   *ecs.Client
	elb   *elb.Client
	known map[string]bool
}

func (f *function) start(ctx context.Context, id string, detail detail) (answer, error) {
	parts := strings.Split(detail.TargetGroupArn, "/")
	port := strconv.Itoa(detail.Port)
	started, err := f.ecs.RunTask(ctx, &ecs.RunTaskInput{
		Cluster:        &detail.Cluster,
		TaskDefinition: &detail.TaskDefinition,
		LaunchType:     types.LaunchTypeFargate,
		ClientToken:    &id,
		StartedBy:      aws.String(fmt.Sprintf("start-engines/%s/%s/%s", parts[1], parts[2], port)),
		NetworkConfiguration: &types.NetworkConfiguration{
			AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: detail.Subnets},
		},
		Tags: []types.Tag{
			{Key: aws.String("start-engines:target-group"), Value: &detail.TargetGroupArn},
			{Key: aws.String("start-engines:port"), Value: &port},
		},
	})
	if err != nil {
		return answer{}, err
	}
	return answer{TaskArn: *started.Tasks[0].TaskArn}, nil
}

func (f *function) running(ctx context.Context, detail detail) (answer, error) {
	parts := strings.Split(detail.StartedBy, "/")
	arn := strings.Split(detail.TaskArn, ":")
	group := fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:targetgroup/%s/%s", arn[3], arn[4], parts[1], parts[2])
	port, err := strconv.ParseInt(parts[3], 10, 32)
	if err != nil {
		return answer{}, err
	}
	described, err := f.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{
		Cluster: &detail.ClusterArn,
		Tasks:   []string{detail.TaskArn},
		Include: []types.TaskField{types.TaskFieldTags},
	})
	if err != nil {
		return answer{}, err
	}
	if !f.known[group] {
		if _, err := f.elb.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{
			TargetGroupArns: []string{group},
		}); err != nil {
			return answer{}, err
		}
		f.known[group] = true
	}
	var address string
	for _, one := range described.Tasks[0].Attachments[0].Details {
		if *one.Name == "privateIPv4Address" {
			address = *one.Value
		}
	}
	if _, err := f.elb.RegisterTargets(ctx, &elb.RegisterTargetsInput{
		TargetGroupArn: &group,
		Targets:        []targets.TargetDescription{{Id: &address, Port: aws.Int32(int32(port))}},
	}); err != nil {
		return answer{}, err
	}
	return answer{Target: fmt.Sprintf("%s:%d", address, port)}, nil
}

func (f *function) handle(ctx context.Context, event events.EventBridgeEvent) (answer, error) {
	var detail detail
	if err := json.Unmarshal(event.Detail, &detail); err != nil {
		return answer{}, err
	}
	var done answer
	var err error
	if event.DetailType == "Start ECS Task" {
		done, err = f.start(ctx, event.ID, detail)
	} else {
		done, err = f.running(ctx, detail)
	}
	if err == nil {
		line, _ := json.Marshal(done)
		fmt.Println(string(line))
	}
	return done, err
}

func main() {
	config, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	function := function{ecs: ecs.NewFromConfig(config), elb: elb.NewFromConfig(config), known: map[string]bool{}}
	lambda.Start(function.handle)
}
