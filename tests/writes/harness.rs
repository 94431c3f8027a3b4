//! A cloud with something to change, and a client that may.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use portcullis::{
    cloud::{
        api::{
            cs, servicemesh, vpc,
            write::servicemesh::{Slot, bind_eip, unbind_eip},
        },
        client::{Account, Client, Settings},
        context::{Context, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
        request::ReadRequest,
        write::{Ack, Outcome, WriteFailure, WritePermit, WriteRequest},
    },
    sandbox::{Behaviour, Server, World},
};
use serde_json::{Value, json};

pub(crate) const PERMIT: WritePermit = WritePermit::for_remediation();
pub(crate) const REGION: &str = "cn-hangzhou";

/// How long a transition takes in these worlds; the clock is set forward past it.
pub(crate) const TRANSITION: Duration = Duration::from_secs(10);

pub(crate) fn world() -> World {
    let world = World::from_json("test", include_str!("world.json")).unwrap();
    assert!(world.warnings().is_empty(), "{:?}", world.warnings());
    world.with_behaviour(Behaviour { bind_delay_ms: 10_000, ..Behaviour::default() })
}

pub(crate) struct Cloud {
    pub(crate) server: Server,
    client: Client,
    account: Account,
}

impl Cloud {
    pub(crate) fn new() -> Self {
        Self::of(world())
    }

    pub(crate) fn with_faults(faults: Value) -> Self {
        Self::of(world().with_faults(faults).unwrap())
    }

    pub(crate) fn with_actors(actors: Value) -> Self {
        Self::of(world().with_actors(actors).unwrap())
    }

    pub(crate) fn of(world: World) -> Self {
        Self::with_settings(world, HttpSettings::default())
    }

    /// Gives up on an answer soon, where there will be none.
    pub(crate) fn hasty(faults: Value) -> Self {
        let mut settings = HttpSettings::default();
        settings.deadlines.first_byte = Duration::from_millis(500);
        Self::with_settings(world().with_faults(faults).unwrap(), settings)
    }

    fn with_settings(world: World, settings: HttpSettings) -> Self {
        let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
        let client_settings = Settings::for_endpoints(&endpoints);
        let client = Client::new(Context::real(settings).unwrap(), endpoints, client_settings);
        let credentials = Credentials {
            access_key_id: "testid".to_owned(),
            access_key_secret: "testsecret".into(),
            security_token: None,
            expiration: None,
        };
        let account = Account::new("test", Arc::new(StaticProvider::new("world", credentials)));
        Self { server, client, account }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    pub(crate) async fn send(&self, write: WriteRequest) -> Outcome {
        let signed = self.client.sign_write(&self.account, write, chrono::Utc::now()).await.unwrap();
        self.client.send_write(signed).await
    }

    /// The cloud is gone; its address stays.
    pub(crate) fn gone(self) -> (Client, Account) {
        (self.client, self.account)
    }

    pub(crate) async fn acked(&self, write: WriteRequest) -> Ack {
        match self.send(write).await {
            Outcome::Acked(ack) => ack,
            other => panic!("expected an acknowledgement, found {other:?}"),
        }
    }

    /// The code of a refusal, and whether it is certain.
    pub(crate) async fn refused(&self, write: WriteRequest) -> (String, &'static str) {
        let of = |failure: WriteFailure| failure.code;
        match self.send(write).await {
            Outcome::Rejected(failure) => (of(failure), "rejected"),
            Outcome::Ambiguous(failure) => (of(failure), "ambiguous"),
            Outcome::Acked(ack) => panic!("expected a refusal, found {ack:?}"),
        }
    }

    /// A transition passes.
    pub(crate) fn pass(&self) {
        self.server.advance(TRANSITION);
    }

    pub(crate) async fn read(&self, request: ReadRequest) -> Value {
        let reply = self.client.read(&self.account, &request).await.unwrap();
        serde_json::from_slice(reply.body()).unwrap()
    }

    pub(crate) async fn eip(&self, id: &str) -> Value {
        let reply = self.read(vpc::describe_eip_addresses_by_id(REGION, &[id.to_owned()])).await;
        reply["EipAddresses"]["EipAddress"][0].clone()
    }

    /// Status of an EIP, and what it is on.
    pub(crate) async fn binding(&self, id: &str) -> (String, String) {
        let eip = self.eip(id).await;
        (text(&eip["Status"]), text(&eip["InstanceId"]))
    }

    pub(crate) async fn mesh(&self, id: &str) -> Value {
        self.read(servicemesh::describe_service_mesh_detail(id)).await["ServiceMesh"].clone()
    }

    /// EIP, flag and public endpoint of a mesh's pilot.
    pub(crate) async fn pilot(&self) -> Value {
        let mesh = self.mesh("m1").await;
        let balancer = &mesh["Spec"]["LoadBalancer"];
        json!([balancer["PilotPublicEipId"], balancer["PilotPublicEip"], mesh["Endpoints"]["PublicPilotEndpoint"]])
    }

    pub(crate) async fn cluster(&self, id: &str) -> Value {
        self.read(cs::describe_cluster_detail(REGION, id)).await
    }

    pub(crate) async fn task(&self, id: &str) -> String {
        let tasks = self.read(cs::describe_cluster_tasks(REGION, "c1")).await;
        let own = tasks["tasks"].as_array().unwrap().iter().find(|task| task["task_id"] == id).unwrap();
        text(&own["state"])
    }

    /// What happened to resources, in order.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.server.changes().iter().map(|change| format!("{} {}", change.resource, change.what)).collect()
    }

    /// What became of the writes, in order, once there are so many of them.
    pub(crate) async fn effects(&self, count: usize) -> Vec<String> {
        loop {
            let journal = self.server.journal();
            let effects: Vec<_> =
                journal.into_iter().map(|entry| entry.effect).filter(|effect| !effect.is_empty()).collect();
            if effects.len() >= count {
                return effects;
            }
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn unbind_pilot() -> WriteRequest {
    unbind_eip(&PERMIT, "m1", Slot::Pilot)
}

pub(crate) fn bind_pilot(eip: &str) -> WriteRequest {
    bind_eip(&PERMIT, "m1", Slot::Pilot, eip)
}
