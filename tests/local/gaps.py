"""What the demos cannot show, said on screen. One sentence or two for each gap.

Facts about MiniStack 1.5.33, each tried. Must be kept true when the pin changes.
"""

GAPS = (
    "Scope: one Fargate task behind an Application and a Network Load Balancer, IPv4, and one that does "
    "not get healthy behind the first. Requests go through the first only: MiniStack keeps the other's "
    "targets, and forwards no TCP. It has no container instances, so nothing runs in bridge or host mode here.",
    "Deployment: the program registered, and a provider of the tests created. Pulumi's engine and AWS "
    "provider with their own checks did not run.",
    "Kept as sent, and without effect: security groups, routes, capacity providers, the dashboard. "
    "Alarms have no metrics of AWS's own to judge, no e-mail is sent, and nobody waited for the hour "
    "of the schedule.",
    "ECS events: MiniStack sends none. The bridge made them (shape: AWS's event schema) and the "
    "emulator's TestEventPattern decided, with the deployed rule, which ones reach the function. "
    "They were delivered with Invoke, since PutEvents refuses the source aws.ecs, as on AWS.",
    "Containers: none ran. A task is RUNNING at once, with version 1 and without a network "
    "interface, and StopTask takes it to STOPPED, version 4, in one step. The bridge's versions go "
    "from 1 to 6, as measured on Fargate. DescribeTasks goes through a stand-in (interfaces.py), which adds "
    "the network interface that ECS would return.",
    "Network interfaces: the bridge made one in the emulator for each task, since the function asks EC2 "
    "whether it exists. It has another address there, and MiniStack ignores the filter by address: who "
    "has an address is tested at the wire.",
    "Time to drain: the stop here waits for no connection (--drain 0). The wire tests cover the rest.",
    "Times: this machine's. On Fargate a task takes tens of seconds to be RUNNING.",
    "Duplicates: MiniStack ignores RunTask's clientToken, so here the same start event delivered "
    "twice would start two tasks. The wire tests in tests/ prove that on AWS it cannot.",
    "Failures of ECS: RunTask never fails here, knows no capacity, accepts unknown clusters, and "
    "throttles nothing. The wire tests cover these.",
    "Tags: StopTask keeps them here and deletes them on AWS. The function does not need them then.",
    "Target health: MiniStack calls every target healthy. A stand-in (health.py) asks each one from this "
    "machine with the settings of its target group, but five times as often, and the first time at once, a "
    "Network Load Balancer's too, which takes minutes to begin on AWS. Security groups and zones are not "
    "looked at, none drains, addresses are not validated, and a group holds an address once, whatever the port.",
    "Requests: MiniStack forwards to every registered target, here before it was healthy. AWS leaves out "
    "unhealthy ones, but for target groups in which all are.",
    "Checks: the function has made their schedules, minutes ahead, and the demo sent the event of each at once, "
    "and deleted the schedule. A second check, of a target that is still initial, and onUnhealthy are tested "
    "at the wire.",
    "What doctor sees beside that: stand-ins tell the load balancers of a target group and their zones "
    "(load_balancers.py), the function's variables as registered (function_told.py), and what the deployed "
    "policies allow, by MiniStack's evaluator (simulator.py).",
    "Deliveries by rule: MiniStack tries a rule's target once and has no on-failure destination or "
    "rule queue for it. The invalid event was therefore sent with an asynchronous Invoke, which is "
    "what EventBridge does on AWS. Lambda's retries come after 1 and 2 minutes there.",
    "IAM: not enforced here: every call is allowed.",
)

BUFFERED_GAPS = (
    "Scope: Fargate tasks behind an Application and a Network Load Balancer, IPv4; starts, stops and "
    "one poisoned message. `make demo` says what the emulator lacks for each single task: ECS events, "
    "containers, client tokens, failures and throttling of AWS, target health, IAM. Here nothing checks "
    "targets, and the time of the function's own checks is not waited for.",
    "Batches: MiniStack hands over at most 10 messages at a time, whatever the batch size. On AWS "
    "batches are larger, and calls fewer. Batches of hundreds are tested at the wire.",
    "Batching window: MiniStack has none, and invokes at once. The bridge gathers the events of ECS "
    "for as long as the deployed window of their queue, and then sends them together. On AWS it is "
    "Lambda that gathers, and with little traffic for up to 20 s.",
    "Visibility timeout: MiniStack keeps to it. That of the requests is shortened before the stops, "
    "since with the deployed one the last receive comes after 12 minutes.",
    "Delivery to the queues: the applications' events went by MiniStack's rule, those of ECS by the "
    "bridge, since PutEvents refuses the source aws.ecs. The queues' policies are kept and not enforced, "
    "and nothing tries a delivery again.",
    "Lambda's poller: it reads no permissions of the role, and its own back-off on errors is not AWS's. "
    "Partial failures, the most batches at a time and the redrive policy are as on AWS.",
)

# Of the playground. What a stand-in tells there in the emulator's place is named too.
PLAYGROUND_GAPS = (
    "Scope: Fargate tasks behind an Application and a Network Load Balancer, IPv4. Requests go through the first "
    "only: MiniStack forwards no TCP. It has no container instances. Pulumi's engine and AWS provider did not run.",
    "Containers: none run, and no image is pulled. A small HTTP server on an address of 127.0.0.x is a task's "
    "container, and the bridge makes the events and the steps of its life, with the versions that Fargate has. They"
    " come at once; on Fargate a task takes tens of seconds to be RUNNING.",
    "DescribeTasks: MiniStack's tasks are RUNNING at once and have no network interface. A stand-in (interfaces.py)"
    " adds what the bridge made, for the function and for the command.",
    "DescribeTargetHealth: MiniStack calls every target healthy. A stand-in (health.py) asks each one with the "
    "settings of its target group, from this machine: security groups and zones are not looked at. The first check is "
    "at once, a Network Load Balancer's too, which takes minutes to begin on AWS. MiniStack forgets a deregistered "
    "target at once, so that none drains, keeps an address once in a target group, whatever the port, and validates "
    "none. With checks by another protocol than HTTP and TCP a target stays initial.",
    "Requests: MiniStack forwards to every registered target. AWS leaves out unhealthy ones, but for target groups "
    "in which all are: "
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
    "DescribeTargetGroups, DescribeLoadBalancers: MiniStack leaves out the load balancers that only listeners' "
    "rules name, and gives each subnet the same zone. A stand-in (load_balancers.py) tells them from its listeners and "
    "subnets.",
    "FAULT=health-check: the containers answer 404 at /, which the health checks ask for, and 200 elsewhere.",
    "FAULT=image: MiniStack pulls nothing, so nothing fails. The bridge (bridge.py) stops each task before it is "
    "RUNNING, and DescribeTasks and the events have the code and the words that ECS has for an image that is not in"
    " its registry. The emulator itself has another code for it, and ECS's own second try is not there.",
    "FAULT=rule-off: the rule is off in MiniStack, and the bridge asks it for the rule's state.",
    "PutEvents: MiniStack hands an event to the rule's function once. A stand-in (entrance.py) has it check the "
    "entries, answers, and delivers by the deployed rules with an asynchronous Invoke, as EventBridge does: what "
    "fails is tried again, here after 0.2 and 0.4 s and on AWS after 1 and 2 minutes, and ends in the on-failure queue. "
    "Nothing ends in the rule dead-letter queue, since no delivery fails.",
    "Checks: the function plans them minutes ahead, as on AWS. Here the playground (planned.py) sends the event of a "
    "first check as soon as the health checks have told how each target is, and deletes its schedule; a line of the "
    "playground has the time that was planned. A check of targets that stay initial comes at its time.",
    "Schedules: MiniStack looks for due ones every 10 s. What fails then is not tried again and not kept. The "
    "office hours of the example start nothing, since MiniStack sends no source and no detail type of a schedule.",
    "IAM: not enforced, every call is allowed. What doctor says of permissions goes by the policies all the same: for "
    "SimulatePrincipalPolicy a stand-in (simulator.py) has MiniStack's evaluator judge the role's policies and its "
    "permissions boundary, on all resources and with the context that MiniStack's own answer leaves out. It names no "
    "matched statements.",
    "GetFunction, GetFunctionConfiguration: a stand-in (function_told.py) tells the variables as the program has "
    "registered them; the function has an endpoint and two paths in their place.",
    "RunTask: MiniStack ignores client tokens, so the same start delivered twice starts two tasks. It knows no "
    "capacity, fails never and throttles nothing; StopTask keeps tags, which it deletes on AWS.",
    "Kept as sent, and without effect: security groups, routes, capacity providers, the dashboard, the alarms, "
    "which have no metrics to judge. No e-mail is sent.",
)
