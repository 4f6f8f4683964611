#!/bin/sh
# Container entrypoint: decrypts the environment, then becomes the service.
#
#   ENTRYPOINT ["/launch.sh"]
#   CMD ["/usr/bin/myservice", "--port", "8080"]
#
# Containers whose image has a service key as well say so by $SERVICE_PUBLIC_KEY; its private half is in
# the file $SERVICE_KEY_FILE. A token that does not open ends the container, and nothing is started.
#
# Where no shell is needed, this does the same and drops the keys from the environment:
#   ENTRYPOINT ["secretary", "exec", "--"]
set -eu

if [ -n "${SERVICE_PUBLIC_KEY:-}" ]; then
    _secretary_exports=$(secretary decrypt -e --service-key="${SERVICE_KEY_FILE:-/service/keys/service-private-key.pem}")
else
    _secretary_exports=$(secretary decrypt -e)
fi
eval "$_secretary_exports"
unset _secretary_exports DEPLOY_PRIVATE_KEY SERVICE_PRIVATE_KEY

exec "$@"
