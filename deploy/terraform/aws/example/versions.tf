terraform {
  # Write-only arguments and ephemeral values, which keep passwords out of the state, need 1.11.
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.50, < 7.0"
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.7"
    }
  }

  # The bucket and the region are given to `terraform init` (-backend-config).
  backend "s3" {
    key          = "stellarindex.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { project = var.name }
  }
}
