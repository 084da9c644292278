"""Two templates: what all tenants share, and one tenant. They hold the very documents that stand beside them.

The second has a parameter for the tenant's id, which stands wherever a key policy of its own has a literal. Tables, the
API, functions and the identity pool exist already: templates of authorization do not own data. A bucket is there for
its public access block, and outlives its stack.

AWS CloudFormation Template Reference: "AWS::IAM::Role", "AWS::KMS::Key", "AWS::Cognito::IdentityPoolPrincipalTag".
"""

from __future__ import annotations

from collections.abc import Mapping

from policyengine.backends.aws import identity, storage
from policyengine.backends.aws.key_policy import DELETION_DAYS
from policyengine.backends.aws.statements import Json, Policy
from policyengine.backends.aws.view import Aws, file_of
from policyengine.model.values import TENANT_ID_LENGTH

PARAMETER = "TenantId"
REFERENCE = {"Ref": PARAMETER}

_KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def shared_template(aws: Aws, policies: Mapping[str, Policy]) -> Json:
    """Everything but keys. `policies` by file name."""
    resources: Json = {}
    for setting in aws.named("role"):
        if f"{file_of(setting)}-trust.json" not in policies:
            continue
        resources[_logical(setting)] = _role(aws, setting, policies)
    resources["AuthenticatedBoundary"] = _resource(
        "AWS::IAM::ManagedPolicy",
        ManagedPolicyName=aws.boundary_name,
        PolicyDocument=policies["authenticated-boundary.json"].json(),
    )
    resources["OidcProvider"] = _oidc_provider(aws)
    resources["TagMap"] = _resource("AWS::Cognito::IdentityPoolPrincipalTag", "OidcProvider", **identity.tag_map(aws))
    resources["PoolRoles"] = _resource(
        "AWS::Cognito::IdentityPoolRoleAttachment", "AuthenticatedRole", **identity.identity_pool_roles(aws)
    )
    resources["Bucket"] = _bucket(aws)
    resources["BucketPolicy"] = _resource(
        "AWS::S3::BucketPolicy",
        "Bucket",
        Bucket=aws.one("bucket", "objects"),
        PolicyDocument=policies["bucket-policy.json"].json(),
    )
    return _template(
        f"What every {aws.tenant} shares: roles, tag map, bucket", Resources=dict(sorted(resources.items()))
    )


def tenant_template(aws: Aws, policy: Policy) -> Json:
    """`policy` is a key policy with REFERENCE in the place of the tenant."""
    key = _resource(
        "AWS::KMS::Key",
        Description=f"The key of one {aws.tenant}",
        KeyPolicy=policy.json(),
        KeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        Origin="AWS_KMS",
        MultiRegion=False,
        BypassPolicyLockoutSafetyCheck=False,
        EnableKeyRotation=True,
        RotationPeriodInDays=int(aws.one("kms", "rotation_days")),
        PendingWindowInDays=int(DELETION_DAYS),
        Tags=[{"Key": aws.tenant_key, "Value": REFERENCE}],
    )
    alias = _resource(
        "AWS::KMS::Alias",
        AliasName={"Fn::Sub": f"alias/{aws.one('kms', 'alias')}${{{PARAMETER}}}"},
        TargetKeyId={"Ref": "Key"},
    )
    parameter = {
        "Type": "String",
        "Description": f"The id of the {aws.tenant}",
        "AllowedPattern": f"^[A-Za-z0-9_-]{{1,{TENANT_ID_LENGTH}}}$",
    }
    return _template(
        f"One {aws.tenant}: its key",
        Parameters={PARAMETER: parameter},
        Resources={"Alias": alias, "Key": {**key, **_KEPT}},
        Outputs={"KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
    )


def _template(description: str, **sections: Json) -> Json:
    return {"AWSTemplateFormatVersion": "2010-09-09", "Description": description, **sections}


def _resource(type_name: str, /, *after: str, **properties: object) -> Json:
    waits = {"DependsOn": list(after)} if after else {}
    return {"Type": type_name, **waits, "Properties": properties}


def _logical(setting: str) -> str:
    return "".join(part.capitalize() for part in file_of(setting).split("-")) + "Role"


def _role(aws: Aws, setting: str, policies: Mapping[str, Policy]) -> Json:
    """All permissions in line: they live and die with the role, and can be attached to no other."""
    file = file_of(setting)
    in_line = [
        {"PolicyName": what, "PolicyDocument": policies[name].json()}
        for what in ("permissions", "emergency")
        if (name := f"{file}-{what}.json") in policies
    ]
    of_users = setting == "authenticated"
    after = [_logical("resolver"), _logical("signer")] if setting == "tenant_data" else []
    return _resource(
        "AWS::IAM::Role",
        *after,
        RoleName=aws.one("role", setting),
        AssumeRolePolicyDocument=policies[f"{file}-trust.json"].json(),
        MaxSessionDuration=3600,
        **({"PermissionsBoundary": {"Ref": "AuthenticatedBoundary"}} if of_users else {}),
        Policies=in_line,
    )


def _oidc_provider(aws: Aws) -> Json:
    provider = identity.oidc_provider(aws)
    return _resource("AWS::IAM::OIDCProvider", Url=provider["Url"], ClientIdList=provider["ClientIDList"])


def _bucket(aws: Aws) -> Json:
    """Objects belong to the bucket's account and are sealed at rest by S3's own keys."""
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    bucket = _resource(
        "AWS::S3::Bucket",
        BucketName=aws.one("bucket", "objects"),
        PublicAccessBlockConfiguration=storage.public_access_block(),
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        BucketEncryption={"ServerSideEncryptionConfiguration": [encryption]},
    )
    return {**bucket, **_KEPT}
