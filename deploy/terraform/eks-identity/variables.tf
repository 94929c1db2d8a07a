variable "name" {
  description = "What the name of the role begins with."
  type        = string
  default     = "trailrisk"
}

variable "reader_policy_arn" {
  description = "From the module `stream`."
  type        = string
}

variable "cluster_name" {
  description = "The cluster."
  type        = string
}

variable "namespace" {
  description = "The namespace of deploy/kubernetes."
  type        = string
  default     = "trailrisk"
}

variable "service_account" {
  description = "The service account of deploy/kubernetes."
  type        = string
  default     = "trailrisk"
}

variable "oidc_provider" {
  description = "The cluster's OpenID provider without https://, for IRSA. Empty, Pod Identity."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([a-z0-9.-]+/id/[A-Z0-9]+)?$", var.oidc_provider))
    error_message = "oidc_provider: such as oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF, or empty."
  }
}

variable "dead_letter_url" {
  description = "Where dead letters go, s3://BUCKET/PREFIX, where the overlay has them in a bucket. Empty, nowhere in AWS."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(s3://[a-z0-9.-]{3,63}/[A-Za-z0-9._/-]*[A-Za-z0-9._-])?$", var.dead_letter_url))
    error_message = "dead_letter_url: s3://BUCKET/PREFIX without a slash at its end, or empty."
  }
}

variable "dead_letter_key_arn" {
  description = "The key that encrypts this bucket, where it has one of its own."
  type        = string
  default     = ""
}
