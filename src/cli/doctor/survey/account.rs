//! Reads what the services are made of: each cluster, definition, target group, subnet and role once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use start_engines_core::call::CallError;
use start_engines_core::domain::arn::{Scope, TargetGroupArn, TaskDefinition};
use start_engines_core::request::start::StartRequest;

use super::Survey;
use super::answers::{each, not_in_ecr, verdicts};
use crate::aws::EcrImage;
use crate::doctor::checks;
use crate::doctor::fact::{Fact, is_missing};
use crate::doctor::world::{Account, Ask, Deployment, Instances, Owners, Service, Subnet, is_of_fargate, placing};

/// ECS describes up to 100 clusters in a call.
const MAX_CLUSTERS: usize = 100;
/// ECS answers up to 10 capacity providers on a page
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html>).
const MAX_PROVIDERS: usize = 10;
/// ELB describes up to 20 load balancers in a call; the same for target groups, of which it says nothing.
const MAX_OF_ELB: usize = 20;
/// EC2 takes up to 200 values of filters in a call
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>).
const MAX_VALUES: usize = 200;
/// Resources of one simulation: IAM names no limit, and answers 100 results on a page.
const MAX_RESOURCES: usize = 50;

/// Each name once.
type Names = BTreeSet<String>;

impl Survey<'_> {
    pub(super) async fn account(&self, deployment: &Deployment, services: &[Service]) -> Account {
        let starts: Vec<&StartRequest> = services
            .iter()
            .filter_map(|service| service.start.as_deref().ok())
            .collect();
        let mut account = Account::default();
        if !starts.is_empty() {
            self.containers(&starts, &mut account).await;
            self.routing(&starts, &mut account).await;
        }
        self.network(deployment, &starts, &mut account).await;
        if !starts.is_empty() {
            self.parts(deployment, &mut account).await;
        }
        self.permits(deployment, &starts, &mut account).await;
        account
    }

    async fn containers(&self, starts: &[&StartRequest], account: &mut Account) {
        self.counting.begin("reading clusters");
        let names: Names = starts.iter().map(|start| start.cluster.name().to_owned()).collect();
        account.clusters = self
            .batches(
                names,
                MAX_CLUSTERS,
                "ecs:DescribeClusters",
                async |names: &[String]| self.reads.clusters(names).await,
            )
            .await;
        let mut providers = Names::new();
        for start in starts {
            let cluster = account.clusters.get(start.cluster.name()).and_then(Fact::get);
            let launches = start.placements.iter().map(|placement| &placement.launch);
            let named = launches.flat_map(|launch| cluster.map(|it| it.strategy(launch)).unwrap_or_default());
            providers.extend(named.map(|item| item.name.clone()));
        }
        providers.retain(|name| !is_of_fargate(name));
        account.providers = self
            .batches(
                providers,
                MAX_PROVIDERS,
                "ecs:DescribeCapacityProviders",
                async |names: &[String]| self.reads.providers(names).await,
            )
            .await;
        self.instances(starts, account).await;
        let definitions: BTreeSet<TaskDefinition> = starts.iter().map(|start| start.task_definition.clone()).collect();
        self.counting
            .begin(&format!("reading {} task definitions", definitions.len()));
        let read = definitions.into_iter().map(async |name| {
            let answer = self.turn(self.reads.task_definition(&name)).await;
            (name, Fact::of(answer, "ecs:DescribeTaskDefinition"))
        });
        account.definitions = join_all(read).await.into_iter().collect();
    }

    /// The container instances of clusters where a start needs one that is there already.
    async fn instances(&self, starts: &[&StartRequest], account: &mut Account) {
        let mut wanted: BTreeMap<String, Owners> = BTreeMap::new();
        for start in starts {
            let name = start.cluster.name();
            let Some(cluster) = account.clusters.get(name).and_then(Fact::get) else {
                continue;
            };
            if cluster.registered == 0 {
                continue;
            }
            let does_not_scale = |name: &&str| {
                let provider = account.providers.get(*name).and_then(Fact::get);
                provider.is_some_and(|provider| !provider.scales)
            };
            for launch in start.placements.iter().map(|placement| &placement.launch) {
                let any = cluster.takes_any_instance(launch);
                let fixed: Names = placing(cluster.strategy(launch))
                    .filter(does_not_scale)
                    .map(str::to_owned)
                    .collect();
                if any || !fixed.is_empty() {
                    let wanted = wanted.entry(name.to_owned()).or_default();
                    wanted.any |= any;
                    wanted.providers.extend(fixed);
                }
            }
        }
        for (cluster, wanted) in wanted {
            let found = self.instances_of(&cluster, &wanted).await;
            account.instances.insert(cluster, found);
        }
    }

    /// Page after page, until what is wanted is found.
    async fn instances_of(&self, cluster: &str, wanted: &Owners) -> Fact<Instances> {
        let (mut found, mut page) = (Instances::default(), None);
        loop {
            let answer = self
                .turn(self.reads.container_instances(cluster, page.as_deref()))
                .await;
            let (arns, next) = match answer {
                Ok(listed) => listed,
                Err(error) => return Fact::of(Err(error), "ecs:ListContainerInstances"),
            };
            if !arns.is_empty() {
                match self.turn(self.reads.instances(cluster, arns)).await {
                    Ok(of_page) => {
                        found.connected.add(of_page.connected);
                        found.disconnected.add(of_page.disconnected);
                    }
                    Err(error) => return Fact::of(Err(error), "ecs:DescribeContainerInstances"),
                }
            }
            page = next;
            let Owners { any, providers } = &found.connected;
            let is_all = (*any || !wanted.any) && wanted.providers.is_subset(providers);
            if page.is_none() || is_all {
                return Fact::Known(found);
            }
        }
    }

    async fn routing(&self, starts: &[&StartRequest], account: &mut Account) {
        let groups: BTreeSet<TargetGroupArn> = starts
            .iter()
            .flat_map(|start| start.attachments.iter().map(|attachment| attachment.group.clone()))
            .collect();
        self.counting.begin(&format!("reading {} target groups", groups.len()));
        let names: Names = groups.iter().map(ToString::to_string).collect();
        let mut found = self
            .batches(
                names,
                MAX_OF_ELB,
                "elasticloadbalancing:DescribeTargetGroups",
                async |arns: &[String]| self.reads.groups(arns).await,
            )
            .await;
        let facts = found.values().filter_map(Fact::get);
        let balancers: Names = facts.flat_map(|group| group.balancers.clone()).collect();
        account.balancers = self
            .batches(
                balancers,
                MAX_OF_ELB,
                "elasticloadbalancing:DescribeLoadBalancers",
                async |arns: &[String]| self.reads.balancers(arns).await,
            )
            .await;
        for (arn, fact) in &mut found {
            if let Fact::Known(group) = fact
                && !matches!(group.facts.protocol.as_str(), "HTTP" | "HTTPS")
            {
                let answer = self.turn(self.reads.keeps_client_addresses(arn)).await;
                group.keeps_client_addresses = Fact::of(answer, "elasticloadbalancing:DescribeTargetGroupAttributes");
            }
        }
        let there = groups
            .iter()
            .filter(|arn| found.get(arn.as_str()).is_some_and(|fact| fact.get().is_some()));
        let health = there.map(async |arn| {
            let answer = self.turn(self.reads.unhealthy(arn.as_str())).await;
            (
                arn.clone(),
                Fact::of(answer, "elasticloadbalancing:DescribeTargetHealth"),
            )
        });
        account.unhealthy = join_all(health).await.into_iter().collect();
        account.groups = groups
            .into_iter()
            .filter_map(|arn| found.remove(arn.as_str()).map(|fact| (arn, fact)))
            .collect();
    }

    async fn network(&self, deployment: &Deployment, starts: &[&StartRequest], account: &mut Account) {
        let networks: Vec<_> = starts
            .iter()
            .flat_map(|start| {
                start
                    .placements
                    .iter()
                    .filter_map(|placement| placement.network.as_ref())
            })
            .collect();
        let mut subnets: Names = networks
            .iter()
            .flat_map(|it| it.subnets.iter().map(ToString::to_string))
            .collect();
        let mut groups: Names = networks
            .iter()
            .flat_map(|it| it.security_groups.iter().map(ToString::to_string))
            .collect();
        for balancer in account.balancers.values().filter_map(Fact::get) {
            subnets.extend(balancer.zones.iter().map(|(_, subnet)| subnet.clone()));
            groups.extend(balancer.security_groups.iter().cloned());
        }
        if let Some(function) = deployment.function.get() {
            subnets.extend(function.subnets.iter().cloned());
            groups.extend(function.security_groups.iter().cloned());
        }
        if subnets.is_empty() {
            return;
        }
        self.counting.begin(&format!(
            "reading {} subnets and {} security groups",
            subnets.len(),
            groups.len()
        ));
        account.subnets = self
            .batches(subnets, MAX_VALUES, "ec2:DescribeSubnets", async |ids: &[String]| {
                self.reads.subnets(ids).await
            })
            .await;
        account.security_groups = self
            .batches(
                groups,
                MAX_VALUES,
                "ec2:DescribeSecurityGroups",
                async |ids: &[String]| self.reads.security_groups(ids).await,
            )
            .await;
        let vpc = |subnet: &Subnet| subnet.vpc.clone();
        let vpcs: Names = account.subnets.values().filter_map(Fact::get).map(vpc).collect();
        if networks.iter().any(|network| network.security_groups.is_empty()) {
            let found = self
                .batches(
                    vpcs.clone(),
                    MAX_VALUES - 1,
                    "ec2:DescribeSecurityGroups",
                    async |ids: &[String]| self.reads.default_groups(ids).await,
                )
                .await;
            for (vpc, fact) in found {
                if let Fact::Known((id, group)) = &fact {
                    account.security_groups.insert(id.clone(), Fact::Known(group.clone()));
                }
                account.default_groups.insert(vpc, fact.map(|(id, _)| id));
            }
        }
        account.routes = self
            .batches(
                vpcs.clone(),
                MAX_VALUES,
                "ec2:DescribeRouteTables",
                async |ids: &[String]| self.reads.route_tables(ids).await,
            )
            .await;
        let mut endpoints = self
            .batches(
                vpcs,
                MAX_VALUES,
                "ec2:DescribeVpcEndpoints",
                async |ids: &[String]| self.reads.endpoints(ids).await,
            )
            .await;
        for fact in endpoints.values_mut() {
            // A VPC without endpoints is not in the answer.
            if *fact == Fact::Absent {
                *fact = Fact::Known(Vec::new());
            }
        }
        account.endpoints = endpoints;
    }

    async fn parts(&self, deployment: &Deployment, account: &mut Account) {
        let definitions: Vec<_> = account.definitions.values().filter_map(Fact::get).collect();
        let containers = || definitions.iter().flat_map(|definition| &definition.containers);
        let images: Names = containers().map(|container| container.image.clone()).collect();
        let logs: Names = containers()
            .filter(|container| !container.creates_log_group)
            .filter_map(|container| container.log_group.clone())
            .collect();
        let home = deployment.arn.scope();
        // DescribeSecret does not look into other regions, and those of other accounts are not the looker's to read.
        let is_at_home = |secret: &String| {
            let (region, account) = (secret.split(':').nth(3), secret.split(':').nth(4));
            let is_own = |scope: &Scope| region == Some(&scope.region) && account == Some(&scope.account);
            checks::is_secret(secret) && home.as_ref().is_some_and(is_own)
        };
        let secrets: Names = containers()
            .flat_map(|container| container.secrets.clone())
            .filter(is_at_home)
            .collect();
        self.counting.begin(&format!(
            "reading {} images, {} log groups and {} secrets",
            images.len(),
            logs.len(),
            secrets.len()
        ));
        let is_own = |image: &EcrImage<'_>| {
            let scope = home.as_ref();
            scope.is_some_and(|scope| scope.account == image.account && scope.region == image.region)
        };
        let own = images
            .iter()
            .filter_map(|image| Some((image, EcrImage::parse(image).filter(is_own)?)));
        let found = own.map(async |(image, parsed)| {
            (
                image.clone(),
                Fact::of(self.turn(self.reads.image(&parsed)).await, "ecr:DescribeImages"),
            )
        });
        let (mut found, logs, secrets) = tokio::join!(
            join_all(found),
            join_all(logs.into_iter().map(async |name| {
                let fact = Fact::of(self.turn(self.reads.log_group(&name)).await, "logs:DescribeLogGroups");
                (name, fact)
            })),
            join_all(secrets.into_iter().map(async |arn| {
                let fact = Fact::of(
                    self.turn(self.reads.secret(&arn)).await,
                    "secretsmanager:DescribeSecret",
                );
                (arn, fact)
            })),
        );
        if found.iter().any(|(_, fact)| *fact == Fact::Absent) {
            let rules = Fact::of(
                self.turn(self.reads.pull_through_rules()).await,
                "ecr:DescribePullThroughCacheRules",
            );
            for (image, fact) in found.iter_mut().filter(|(_, fact)| *fact == Fact::Absent) {
                *fact = not_in_ecr(image, &rules);
            }
        }
        account.images = found.into_iter().collect();
        account.log_groups = logs.into_iter().collect();
        account.secrets = secrets.into_iter().collect();
    }

    async fn permits(&self, deployment: &Deployment, starts: &[&StartRequest], account: &mut Account) {
        let Some(function) = deployment.function.get() else {
            return;
        };
        let of_services = starts
            .iter()
            .flat_map(|start| checks::asks(start, account, &function.role));
        let mut asks: BTreeSet<Ask> = of_services.collect();
        asks.extend(checks::asks_of_deployment(deployment));
        self.counting.begin(&format!("asking IAM {} questions", asks.len()));
        // Questions that differ in the resource only are one call.
        let mut alike: BTreeMap<(String, &str, Vec<_>), Vec<Ask>> = BTreeMap::new();
        for ask in asks {
            let key = (ask.role.clone(), ask.action, ask.context.clone());
            alike.entry(key).or_default().push(ask);
        }
        let batches: Vec<Vec<Ask>> = alike
            .into_values()
            .flat_map(|asks| asks.chunks(MAX_RESOURCES).map(<[Ask]>::to_vec).collect::<Vec<_>>())
            .collect();
        let answers = batches.into_iter().map(async |asks| {
            let answer = self.turn(self.reads.simulate(&asks)).await;
            verdicts(asks, &answer, "iam:SimulatePrincipalPolicy")
        });
        account.permits = join_all(answers).await.into_iter().flatten().collect();
    }

    /// Describes things in batches. Where AWS refuses a batch since one of it does not exist, each is asked for alone.
    async fn batches<T: Clone>(
        &self,
        names: Names,
        size: usize,
        action: &'static str,
        read: impl AsyncFn(&[String]) -> Result<BTreeMap<String, T>, CallError>,
    ) -> BTreeMap<String, Fact<T>> {
        let names: Vec<String> = names.into_iter().collect();
        let chunks = names.chunks(size).map(async |names| {
            let answer = self.turn(read(names)).await;
            let is_absent = matches!(&answer, Err(error) if is_missing(error));
            if !is_absent || names.len() == 1 {
                return each(names.to_vec(), &answer, action);
            }
            let mut all = Vec::new();
            for name in names {
                let answer = self.turn(read(std::slice::from_ref(name))).await;
                all.extend(each(vec![name.clone()], &answer, action));
            }
            all
        });
        join_all(chunks).await.into_iter().flatten().collect()
    }
}
