"""Objects: reached by the tenant's role alone, for as long as a signature is fresh (docs/studio.md, Identity).

What a signed URL may do is what its signer's role may do at the moment of use. Amazon S3 User Guide: "Amazon S3
Signature Version 4 authentication specific policy keys"; AWS Prescriptive Guidance: "Presigned URL best practices".
"""

from __future__ import annotations

from policyengine.backends.aws.statements import EVERYONE, Json, Policy, deny
from policyengine.backends.aws.view import Aws

LISTING = ("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions")

PINNED = (
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
)
"""What would open the bucket, or end it."""


def bucket_policy(aws: Aws) -> Policy:
    objects, bucket = [f"{aws.bucket}/*"], [aws.bucket]
    users = [aws.role("tenant_data"), *aws.bucket_roles()]
    statements = (
        deny(
            "DenyInsecureTransport",
            "Nothing but TLS.",
            ("transport",),
            ["s3:*"],
            principal=EVERYONE,
            resources=[*bucket, *objects],
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
        deny(
            "DenyObjectsToOthers",
            "Only the tenant's role, which the signer assumes, and roles that the source names, reach objects.",
            ("reach",),
            ["s3:*"],
            principal=EVERYONE,
            resources=objects,
            conditions={"ArnNotEquals": {"aws:PrincipalArn": users}},
        ),
        deny(
            "DenyListing",
            "A list of keys is a list of tenants and records: nobody has one but the roles that the source names.",
            ("reach",),
            LISTING,
            principal=EVERYONE,
            resources=bucket,
            conditions={"ArnNotEquals": {"aws:PrincipalArn": aws.bucket_roles()}} if aws.bucket_roles() else {},
        ),
        deny(
            "DenyOldSignatures",
            "A signed URL that was kept is of no use (milliseconds; whoever signs may set less, never more).",
            ("reach",),
            ["s3:*"],
            principal=EVERYONE,
            resources=objects,
            conditions={"NumericGreaterThan": {"s3:signatureAge": f"{aws.one('signature_seconds')}000"}},
        ),
        deny(
            "DenyWeakSignatures",
            "Signature version 2 signs neither the length nor the headers.",
            ("reach",),
            ["s3:*"],
            principal=EVERYONE,
            resources=objects,
            conditions={"StringEquals": {"s3:signatureversion": "AWS"}},
        ),
        deny(
            "DenyPolicyChangesByOthers",
            "Only deployment and break-glass change this policy, or what stands beside it.",
            ("administration",),
            PINNED,
            principal=EVERYONE,
            resources=bucket,
            conditions={"ArnNotEquals": {"aws:PrincipalArn": [aws.role("deployment"), aws.role("break_glass")]}},
        ),
    )
    return Policy("bucket-policy.json", "bucket", "s3", "the bucket", statements)


def public_access_block() -> Json:
    return {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
